import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  defineConfig,
  env,
  file,
  homeFolder,
  isReference,
  resolveSetting,
  type Connection,
} from "../../../src/config.ts";

const vendor =
  (settings: Connection["settings"] = {}) =>
  (name: string): Connection => ({ name, vendor: "test", settings });

describe("a setting", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
    writeFileSync(join(folder, "key"), "s3cret\nline two\r\n");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => vi.unstubAllEnvs());

  it("is what it says when it is text", () => {
    expect(resolveSetting("https://x.example", folder)).toBe("https://x.example");
  });

  it("is read from the environment when it is needed, not before", () => {
    const setting = env("SLUICE_TEST_KEY");
    expect(setting).toEqual({ $ref: "env", name: "SLUICE_TEST_KEY" });
    vi.stubEnv("SLUICE_TEST_KEY", "one");
    expect(resolveSetting(setting, folder)).toBe("one");
    vi.stubEnv("SLUICE_TEST_KEY", "two");
    expect(resolveSetting(setting, folder)).toBe("two");
  });

  it("has its default when the variable is not set", () => {
    vi.stubEnv("SLUICE_TEST_KEY", undefined);
    expect(resolveSetting(env("SLUICE_TEST_KEY", { default: "local" }), folder)).toBe("local");
    vi.stubEnv("SLUICE_TEST_KEY", "set");
    expect(resolveSetting(env("SLUICE_TEST_KEY", { default: "local" }), folder)).toBe("set");
  });

  it("says which variable is missing and how to set it", () => {
    vi.stubEnv("SLUICE_TEST_KEY", undefined);
    expect(() => resolveSetting(env("SLUICE_TEST_KEY"), folder)).toThrow(
      expect.objectContaining({
        code: "REFERENCE_UNRESOLVED",
        message: expect.stringContaining("SLUICE_TEST_KEY"),
        hint: expect.stringContaining("export SLUICE_TEST_KEY="),
      }),
    );
  });

  it("is the content of a file, without its last line end, relative to the project or absolute", () => {
    expect(resolveSetting(file("key"), folder)).toBe("s3cret\nline two");
    expect(resolveSetting(file(join(folder, "key")), "/nowhere")).toBe("s3cret\nline two");
  });

  it("says which file is missing", () => {
    for (const path of ["no-such-key", "."]) {
      expect(() => resolveSetting(file(path), folder)).toThrow(
        expect.objectContaining({
          code: "REFERENCE_UNRESOLVED",
          message: expect.stringContaining(join(folder, path)),
          hint: expect.any(String),
        }),
      );
    }
  });

  it("travels as plain data, without its value", () => {
    vi.stubEnv("SLUICE_TEST_KEY", "s3cret");
    const config = defineConfig({ connections: { shop: vendor({ key: env("SLUICE_TEST_KEY") as never }) } });
    expect(JSON.stringify(config)).toContain("SLUICE_TEST_KEY");
    expect(JSON.stringify(config)).not.toContain("s3cret");
    expect(isReference(JSON.parse(JSON.stringify(config.connections.shop.settings))["key"])).toBe(true);
    expect([isReference("x"), isReference(null), isReference({})]).toEqual([false, false, false]);
  });
});

describe("a configuration", () => {
  const config = defineConfig({
    connections: { warehouse: vendor(), shop: vendor({ path: "data/shop.db" }) },
    workers: 2,
  });

  it("gives each connection its name", () => {
    expect(config.connections.shop).toEqual({ name: "shop", vendor: "test", settings: { path: "data/shop.db" } });
    const { warehouse, shop } = config.connections;
    expect([warehouse.name, shop.name]).toEqual(["warehouse", "shop"]);
    expect(Object.keys(config.connections)).toEqual(["warehouse", "shop"]);
    expect(config).toMatchObject({ kind: "sluice.config", workers: 2, memory: undefined });
  });

  const unknown = expect.objectContaining({
    code: "UNKNOWN_CONNECTION",
    message: expect.stringContaining('"shopp"'),
    hint: "It defines warehouse, shop.",
  });

  it("says which connections there are when another is asked for", () => {
    expect(() => (config.connections as Record<string, unknown>)["shopp"]).toThrow(unknown);
  });

  it("says so in a destructuring too", () => {
    expect(() => {
      const { warehouse, shopp } = config.connections as unknown as Record<string, Connection>;
      return [warehouse, shopp];
    }).toThrow(unknown);
  });

  it("says that there are none", () => {
    expect(() => (defineConfig().connections as Record<string, unknown>)["shop"]).toThrow(
      expect.objectContaining({ code: "UNKNOWN_CONNECTION", hint: "It defines none." }),
    );
  });

  it("can be awaited, shown and spread like any object", async () => {
    expect(await config.connections).toBe(config.connections);
    expect(JSON.parse(JSON.stringify(config.connections))).toHaveProperty("shop.name", "shop");
    expect({ ...config.connections }).toHaveProperty("warehouse");
  });

  it.each(["Shop", "my-shop", "1st", "", "shop.eu"])("refuses the connection name %j", (name) => {
    expect(() => defineConfig({ connections: { [name]: vendor() } })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID" }),
    );
  });
});

describe("the pools of a configuration", () => {
  it("have as many slots as it says", () => {
    expect(defineConfig({ pools: { api: 5, db: 1 } }).pools).toEqual({ api: 5, db: 1 });
    expect(defineConfig().pools).toEqual({});
  });

  it.each([0, -1, 1.5, Number.NaN, "5"])("are refused with %o slots", (slots) => {
    expect(() => defineConfig({ pools: { api: slots as number } })).toThrow(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: `The pool "api" has ${slots} slots`,
        hint: expect.any(String),
      }),
    );
  });

  it("have plain names", () => {
    expect(() => defineConfig({ pools: { "my api": 5 } })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });
});

describe("the hooks of a configuration", () => {
  it("are functions, with the events they are for", () => {
    const [one, other] = [() => {}, () => {}];
    const { hooks } = defineConfig({ on: { failure: [one, other], late: one } });
    expect(hooks.events).toEqual(["failure", "late"]);
    expect(hooks.hooks.failure).toEqual([one, other]);
    expect(hooks.hooks.success).toBeUndefined();
    expect(defineConfig().hooks).toEqual({ hooks: {}, events: [], description: null });
  });

  it("are refused when they can't be called, or never would be", () => {
    expect(() => defineConfig({ on: { failure: "mail me" as never } })).toThrow(
      expect.objectContaining({
        code: "DEFINITION_INVALID",
        message: "The project has a hook on failure that can't be called",
      }),
    );
    expect(() => defineConfig({ on: { failed: () => {} } as object })).toThrow(/hook on "failed"/);
  });
});

describe("the state folder", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("is .sluice in the project, or where SLUICE_HOME says", () => {
    vi.stubEnv("SLUICE_HOME", undefined);
    expect(homeFolder("/project")).toBe(join("/project", ".sluice"));
    vi.stubEnv("SLUICE_HOME", "");
    expect(homeFolder("/project")).toBe(join("/project", ".sluice"));
    vi.stubEnv("SLUICE_HOME", "/var/sluice");
    expect(homeFolder("/project")).toBe("/var/sluice");
    vi.stubEnv("SLUICE_HOME", "state");
    expect(homeFolder("/project")).toBe(resolve("state"));
  });
});
