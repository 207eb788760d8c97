import { zeros } from "nabla";

const marker = zeros([1]);

/** Blocks until everything issued so far has run: a read waits for what was issued before it. */
export function fence(): void {
  marker.itemSync();
}
