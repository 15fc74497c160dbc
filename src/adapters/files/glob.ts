// A glob over names that are not files of this machine. The same words as for files: *, ?, [a-z], {a,b}, and ** across folders.

/** The longest beginning without a wildcard: what a listing can be asked for. */
export function fixedPrefix(pattern: string): string {
  return pattern.slice(0, /[*?[{]|$/.exec(pattern)!.index);
}

/** Does the whole name match? */
export function globPattern(pattern: string): RegExp {
  let text = "";
  let depth = 0;
  for (let index = 0; index < pattern.length; index += 1) {
    const one = pattern[index]!;
    if (pattern.startsWith("**/", index)) {
      text += "(?:[^/]+/)*";
      index += 2;
    } else if (one === "*") {
      text += "[^/]*";
      while (pattern[index + 1] === "*") index += 1;
    } else if (one === "?") text += "[^/]";
    else if (one === "[" && pattern.includes("]", index + 2)) {
      const end = pattern.indexOf("]", index + 2);
      const set = pattern
        .slice(index + 1, end)
        .replaceAll("\\", "\\\\")
        .replace(/^!/, "^");
      text += `[${set}]`;
      index = end;
    } else if (one === "{" && pattern.includes("}", index)) {
      text += "(?:";
      depth += 1;
    } else if (one === "}" && depth > 0) {
      text += ")";
      depth -= 1;
    } else if (one === "," && depth > 0) text += "|";
    else text += one.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  }
  return new RegExp(`^${text}$`, "su");
}
