// A binary heap: whatever comes first by `before` is at hand, adding and taking cost the logarithm of the size.

export interface Heap<Item> {
  readonly size: number;
  first(): Item | undefined;
  add(item: Item): void;
  take(): Item | undefined;
}

export function createHeap<Item>(before: (left: Item, right: Item) => boolean): Heap<Item> {
  const items: Item[] = [];

  function rise(from: number): void {
    const item = items[from]!;
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!before(item, items[parent]!)) break;
      items[position] = items[parent]!;
      position = parent;
    }
    items[position] = item;
  }

  function sink(item: Item): void {
    const half = items.length >> 1;
    let position = 0;
    while (position < half) {
      let child = 2 * position + 1;
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child += 1;
      if (!before(items[child]!, item)) break;
      items[position] = items[child]!;
      position = child;
    }
    items[position] = item;
  }

  return {
    get size() {
      return items.length;
    },
    first: () => items[0],
    add: (item) => {
      items.push(item);
      rise(items.length - 1);
    },
    take: () => {
      const first = items[0];
      const last = items.pop();
      if (items.length > 0) sink(last!);
      return first;
    },
  };
}
