let initializing = true;

/** Whether new weights get their first values; otherwise they are zeros. */
export function isInitializing(): boolean {
  return initializing;
}

/** @internal Runs `fn`, whose layers make weights of zeros: values follow, and no random numbers are spent. */
export function withoutInitialization<T>(fn: () => T): T {
  const before = initializing;
  initializing = false;
  try {
    return fn();
  } finally {
    initializing = before;
  }
}
