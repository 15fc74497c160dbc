// The entry of a worker process. It turns Node's compile cache on before anything large is loaded: a worker that starts
// warm costs its first run a good deal less.
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("./worker-main.ts");
