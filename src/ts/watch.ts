/** What a storage is to the watch. */
export interface Watched {
  readonly id: number;
  readonly bytes: number;
  /** Held by the storage alone, so that both are collected together. */
  group: object | null;
}

/** Small storages that are watched together, by one weak reference instead of one each. */
const GROUP_MEMBERS = 16;
/** A group that has one member in use keeps the memory of all: it stays below this. */
const GROUP_BYTES = 16 * 1024;

/**
 * Knows which storages share a weak reference of the addon (a "handle"), so that those that nobody refers to any more
 * can be found. Making a weak reference costs more than a small op does, which is why small storages share one.
 */
export class Watch {
  /** Objects that the addon does not watch yet, and their handles. */
  readonly fresh: object[] = [];
  private readonly freshHandles: number[] = [];
  private readonly freeHandles: number[] = [];
  /** The ids that each handle stands for; null for one that is free. */
  private readonly members: (number[] | null)[] = [];
  /** How many of them were not released. */
  private readonly alive: number[] = [];
  /** The handle of each id; -1 for one that is free. */
  private readonly handleOf: number[] = [];
  private group: object | null = null;
  private groupHandle = -1;
  private groupBytes = 0;

  add(storage: Watched): void {
    const { id, bytes } = storage;
    if (bytes > GROUP_BYTES / 2) {
      this.handleOf[id] = this.open(storage, [id]);
      return;
    }
    if (this.group === null || this.groupBytes + bytes > GROUP_BYTES) {
      this.closeGroup();
      this.group = {};
      this.groupHandle = this.open(this.group, []);
    }
    const members = this.members[this.groupHandle]!;
    storage.group = this.group;
    this.handleOf[id] = this.groupHandle;
    this.alive[this.groupHandle]!++;
    this.groupBytes += bytes;
    if (members.push(id) === GROUP_MEMBERS) this.closeGroup();
  }

  /** The storage with this id was released. */
  remove(id: number): void {
    const handle = this.handleOf[id]!;
    this.handleOf[id] = -1;
    if (--this.alive[handle]! === 0 && handle !== this.groupHandle) this.close(handle);
  }

  /** Writes the handles of `fresh` for the addon, leaving out what was released already; gives their number. */
  listFresh(handles: Int32Array): number {
    let count = 0;
    for (let i = 0; i < this.fresh.length; i++) {
      const handle = this.freshHandles[i]!;
      // Released again, or for a second time opened for another object.
      if (this.members[handle] === null || this.freshHandles.lastIndexOf(handle) !== i) continue;
      handles[count] = handle;
      this.fresh[count++] = this.fresh[i]!;
    }
    this.freshHandles.length = 0;
    return count;
  }

  /** Calls `free`, which calls `remove`, for the storages of a handle whose object is gone. */
  lose(handle: number, free: (id: number) => void): void {
    // An id that was released and used again may be there twice, or belong to another handle by now.
    for (const id of this.members[handle] ?? []) if (this.handleOf[id] === handle) free(id);
  }

  /** Nothing more joins the group that is being filled, so that it can be collected. */
  closeGroup(): void {
    const handle = this.groupHandle;
    this.group = null;
    this.groupHandle = -1;
    this.groupBytes = 0;
    if (handle >= 0 && this.alive[handle] === 0) this.close(handle);
  }

  private open(object: object, members: number[]): number {
    const handle = this.freeHandles.pop() ?? this.members.length;
    this.members[handle] = members;
    this.alive[handle] = members.length;
    this.fresh.push(object);
    this.freshHandles.push(handle);
    return handle;
  }

  private close(handle: number): void {
    this.members[handle] = null;
    this.freeHandles.push(handle);
  }
}
