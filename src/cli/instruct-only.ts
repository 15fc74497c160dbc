// Commands that have one thing done and say so: nothing is run here for them.
import type { Instruction } from "../engine/stores/instruction.ts";
import type { Json } from "../json.ts";
import type { CommandContext } from "./command.ts";
import { withAccess } from "./engine-access.ts";
import { exitCodes } from "./exit-codes.ts";

export async function instructOnly(
  context: CommandContext,
  instruction: Instruction,
  said: (result: Json) => { readonly value: unknown; readonly text: string },
): Promise<number> {
  const result = await withAccess(context, { resume: false }, (access) => access.instruct(instruction));
  const { value, text } = said(result);
  await context.output.result(value, () => text);
  return exitCodes.ok;
}
