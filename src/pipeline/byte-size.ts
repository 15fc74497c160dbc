// Amounts of memory as people write them: "512MB", "4GB", "1.5GiB".
import { SluiceError } from "../errors.ts";

/** An amount of memory with its unit: "512MB", "4GB" (thousands), "4GiB" (of 1024). */
export type ByteSize = `${number}${"KB" | "MB" | "GB" | "TB" | "KiB" | "MiB" | "GiB" | "TiB"}`;

const units: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** The size in whole bytes. */
export function bytes(size: ByteSize): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]i?B)$/.exec(size);
  const result = match === null ? Number.NaN : Math.round(Number(match[1]) * units[match[2]!]!);
  if (Number.isSafeInteger(result)) return result;
  throw new SluiceError("DEFINITION_INVALID", `"${size}" is not an amount of memory`, {
    hint: 'Write a number and a unit: "512MB", "4GB", "1.5GiB".',
  });
}
