/** What a scope holds: tensors, without this file knowing their class. */
export interface Scoped {
  dispose(): void;
  /** True when the tensor is to outlive its scope. */
  kept: boolean;
}

/** The tensors made while it was the innermost scope. */
export class Scope {
  readonly members: Scoped[] = [];
  readonly parent: Scope | null;
  constructor(parent: Scope | null) {
    this.parent = parent;
  }
  release(tensor: Scoped): void {
    tensor.kept = true;
  }
}

let current: Scope | null = null;

export function currentScope(): Scope | null {
  return current;
}

export function enterScope(): Scope {
  return (current = new Scope(current));
}

/** Ends the innermost scope: its results move to the scope around it, the rest is disposed of. */
export function leaveScope(scope: Scope, isResult: (member: object) => boolean): void {
  current = scope.parent;
  for (const member of scope.members) {
    if (member.kept) continue;
    if (isResult(member)) scope.parent?.members.push(member);
    else member.dispose();
  }
}
