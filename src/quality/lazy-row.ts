// A row whose columns are decoded when they are read. To the code that reads it, it is a plain object.

export interface LazyRow {
  readonly row: Record<string, unknown>;
  /** Has anything been written into it? */
  readonly isChanged: () => boolean;
}

/** `decode` puts the value of the column at `index` of `names` into an object, or leaves the key out. */
export function lazyRow(
  names: readonly string[],
  decode: (index: number, into: Record<string, unknown>) => void,
): LazyRow {
  const read: Record<string, unknown> = {};
  const seen = new Set<number>();
  let full: Record<string, unknown> | undefined;
  let changed = false;
  // With keys in their order, as the validator would have made it; values that have been handed out stay the same.
  const whole = (): Record<string, unknown> => {
    if (full !== undefined) return full;
    full = {};
    for (const [index, name] of names.entries()) {
      if (!seen.has(index)) decode(index, full);
      else if (name in read) full[name] = read[name];
    }
    return full;
  };
  const row = new Proxy<Record<string, unknown>>(
    {},
    {
      get: (target, key) => {
        if (full !== undefined) return Reflect.get(full, key);
        const index = typeof key === "string" ? names.indexOf(key) : -1;
        if (index < 0) return Reflect.get(target, key);
        if (!seen.has(index)) {
          seen.add(index);
          decode(index, read);
        }
        return read[key as string];
      },
      has: (_, key) => Reflect.has(whole(), key),
      ownKeys: () => Reflect.ownKeys(whole()),
      getOwnPropertyDescriptor: (_, key) => Reflect.getOwnPropertyDescriptor(whole(), key),
      set: (_, key, value) => {
        changed = true;
        return Reflect.set(whole(), key, value);
      },
      defineProperty: (_, key, descriptor) => {
        changed = true;
        return Reflect.defineProperty(whole(), key, { ...descriptor, configurable: true });
      },
      deleteProperty: (_, key) => {
        changed = true;
        return Reflect.deleteProperty(whole(), key);
      },
    },
  );
  return { row, isChanged: () => changed };
}
