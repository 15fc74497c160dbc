import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NamedList } from "../../src/named-list.ts";

const three = NamedList.from([
  ["b", 1],
  ["a", 2],
  ["10", 3],
]);

describe("a named list", () => {
  it("has its values by name and by position, in the order they were given in", () => {
    expect([three.get("a"), three.at(0), three.get("c"), three.at(3)]).toEqual([2, 1, undefined, undefined]);
    // An object would have put 10 first.
    expect(three.names()).toEqual(["b", "a", "10"]);
    expect([...three]).toEqual([
      ["b", 1],
      ["a", 2],
      ["10", 3],
    ]);
  });

  it("has no value under the name of what every object has", () => {
    expect(three.get("constructor")).toBeUndefined();
    expect(NamedList.from([["__proto__", 1]]).get("__proto__")).toBe(1);
  });

  it("is made anew, and stays as it was", () => {
    const other = three.with("a", 9);
    expect([other.get("a"), three.get("a")]).toEqual([9, 2]);
    expect(three.with("c", 9)).toBe(three);
    expect([...three.withValues([7, 8, 9])].map(([, value]) => value)).toEqual([7, 8, 9]);
  });

  it("is equal to another exactly if names, order and values are", () => {
    expect(three).not.toEqual(three.with("a", 9));
    expect(three).not.toEqual(NamedList.from([...three].toReversed()));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.integer())), (entries) => {
        const map = new Map(entries);
        const list = NamedList.from(entries);
        expect([...list]).toEqual([...map]);
        for (const [name] of entries) {
          expect(list.get(name)).toBe(map.get(name));
          expect(list.with(name, 0)).toEqual(NamedList.from(new Map([...map, [name, 0]])));
        }
      }),
    );
  });
});
