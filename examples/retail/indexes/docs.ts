// Sluice's own documentation, to be searched by: sluice search docs "how do I backfill?"
import { index, markdown } from "sluice/retrieval";

export const docs = index("docs", { documents: markdown("../../docs/**/*.md", { base: "../.." }) });
