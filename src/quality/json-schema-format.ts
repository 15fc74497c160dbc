// The formats of JSON Schema that a contract can assert: those whose checks pass every case of the public test suite.
import { createRequire } from "node:module";

/** How a format is judged. */
export interface JsonFormat {
  /** The whole verdict. */
  readonly check: RegExp | ((text: string) => boolean);
  /** Says the same of every text that does not hold `except`, where the check itself is no pattern. */
  readonly pattern?: RegExp;
  readonly except?: string;
}

type LibraryFormat = JsonFormat["check"] | { readonly validate: JsonFormat["check"] };

const names = ["ipv4", "ipv6", "uuid", "json-pointer", "relative-json-pointer", "regex"];
let known: Readonly<Record<string, JsonFormat>> | undefined;

export function jsonFormats(): Readonly<Record<string, JsonFormat>> {
  if (known !== undefined) return known;
  // Loaded at the first use: most contracts are not JSON Schemas.
  const { fullFormats } = createRequire(import.meta.url)("ajv-formats/dist/formats.js") as {
    fullFormats: Readonly<Record<string, LibraryFormat>>;
  };
  const library = names.map((name): [string, JsonFormat] => {
    const check = fullFormats[name]!;
    return [name, { check: typeof check === "object" && "validate" in check ? check.validate : check }];
  });
  const ipv6 = (fullFormats["ipv6"] as RegExp).source.slice(1, -1);
  known = Object.freeze({
    ...Object.fromEntries(library),
    date: { check: new RegExp(`^${date}$`) },
    time: withLeapSeconds(new RegExp(`^${time}$`)),
    "date-time": withLeapSeconds(new RegExp(`^${date}[Tt]${time}$`)),
    duration: { check: duration },
    hostname: { check: hostname },
    email: { check: email(ipv6) },
  });
  return known;
}

// RFC 3339, section 5.6, with the calendar of section 5.7.
const leapYear = String.raw`(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)`;
const date =
  `(?:${leapYear}-02-29|` +
  String.raw`\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8])))`;
const clock = String.raw`(?:[01]\d|2[0-3]):[0-5]\d`;
const offset = `(?:[Zz]|[+-]${clock})`;
const time = String.raw`${clock}:[0-5]\d(?:\.\d+)?${offset}`;

/** The second 60 is there where it is 23:59 in UTC. */
function withLeapSeconds(pattern: RegExp): JsonFormat {
  const check = (text: string): boolean => {
    if (pattern.test(text)) return true;
    const leap = /(\d\d):(\d\d):60(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(text);
    if (leap === null || !pattern.test(text.replace(/:60(?=[^:]*(?::\d\d)?$)/, ":59"))) return false;
    const [hour, minute, sign, aheadHours, aheadMinutes] = [leap[1], leap[2], leap[3], leap[4] ?? 0, leap[5] ?? 0];
    const ahead = (sign === "-" ? -1 : 1) * (Number(aheadHours) * 60 + Number(aheadMinutes));
    return (Number(hour) * 60 + Number(minute) - ahead + 2880) % 1440 === 1439;
  };
  return { check, pattern, except: ":60" };
}

// RFC 3339, appendix A: units stand side by side without a gap.
const days = String.raw`(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)`;
const hours = String.raw`T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)`;
const duration = new RegExp(`^P(?:\\d+W|${days}(?:${hours})?|${hours})$`);

// RFC 1123, section 2.1.
const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const host = new RegExp(`^${label}(?:\\.${label})*$`, "i");
const hostname = (text: string): boolean => text.length <= 253 && host.test(text);

/** RFC 5321, section 4.1.2. */
function email(ipv6: string): RegExp {
  const atom = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+";
  const quoted = String.raw`"(?:[ !#-[\]-~]|\\[ -~])*"`;
  const byte = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
  const literal = String.raw`\[(?:${byte}(?:\.${byte}){3}|IPv6:(?:${ipv6}))\]`;
  return new RegExp(`^(?:${atom}(?:\\.${atom})*|${quoted})@(?:${label}(?:\\.${label})*|${literal})$`, "i");
}
