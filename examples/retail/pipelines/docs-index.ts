// Keeps the search index over the project's documentation up to date; only what changed is written.
import { pipeline } from "sluice";
import { sync } from "sluice/retrieval";
import { docs } from "../indexes/docs.ts";

export default pipeline("docs_index", ({ step }) => {
  step("sync", sync(docs));
});
