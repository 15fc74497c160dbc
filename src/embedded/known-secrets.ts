// The secrets of a project's connections, by value: a row, or an error, may hold one.
import { dirname } from "node:path";
import { isSecret, resolveSetting, type Setting } from "../config.ts";
import { createRedactor, type Redactor } from "../log.ts";
import { loadConfig } from "./project.ts";

/** One that has no value on this machine can't be shown by it either. */
export async function knownSecrets(configPath: string): Promise<Redactor> {
  const redactor = createRedactor();
  const config = await loadConfig(configPath);
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("$ref" in value) {
      if (!isSecret(value as Setting)) return;
      try {
        redactor.add(resolveSetting(value as Setting, dirname(configPath)));
      } catch {
        // Not set on this machine.
      }
      return;
    }
    for (const item of Object.values(value)) visit(item);
  };
  for (const { settings } of Object.values(config.connections)) visit(settings);
  return redactor;
}
