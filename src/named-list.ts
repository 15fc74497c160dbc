// Values by name, in an order that stays. For a record of thousands of names that is made anew with one other value
// again and again: it copies as a block, where an object is built up name by name.

/** Never changed, but made anew; all that are made from one share its names. Iterates as `[name, value]`. */
export class NamedList<Value> implements Iterable<[name: string, value: Value]> {
  readonly #positions: ReadonlyMap<string, number>;
  readonly #values: readonly Value[];

  private constructor(positions: ReadonlyMap<string, number>, values: readonly Value[]) {
    this.#positions = positions;
    this.#values = values;
  }

  /** In the order given; of a name that comes twice, the first place and the last value. */
  static from<Value>(entries: Iterable<readonly [name: string, value: Value]>): NamedList<Value> {
    const byName = new Map(entries);
    const positions = new Map([...byName.keys()].map((name, position) => [name, position]));
    return new NamedList(positions, [...byName.values()]);
  }

  get(name: string): Value | undefined {
    const position = this.#positions.get(name);
    return position === undefined ? undefined : this.#values[position];
  }

  at(position: number): Value | undefined {
    return this.#values[position];
  }

  names(): string[] {
    return [...this.#positions.keys()];
  }

  values(): readonly Value[] {
    return this.#values;
  }

  /** Under the same names, which are as many, other values. */
  withValues(values: readonly Value[]): NamedList<Value> {
    return new NamedList(this.#positions, values);
  }

  /** With another value under one of its names; of a name that it hasn't, it stays as it is. */
  with(name: string, value: Value): NamedList<Value> {
    const position = this.#positions.get(name);
    return position === undefined ? this : this.withValues(this.#values.with(position, value));
  }

  *[Symbol.iterator](): Generator<[name: string, value: Value]> {
    for (const [name, position] of this.#positions) yield [name, this.#values[position]!];
  }
}
