import { command, type Run } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { type CatalogIntent, readCatalog, unknownIntent } from "../intent-catalog.ts";
import { planDrawing } from "../plan-drawing.ts";
import { pad, printable, printableJson } from "../terminal.ts";

export const intents = command({
  name: "intents",
  summary: "list what the runtime can be asked to do, or show one intent with its plan",
  args: [{ name: "intent", about: "one type, with its plan and its input", optional: true }],
  flags: {},
  remote: true,
  examples: ["symphainy intents", "symphainy intents content.parse_content"],
  run: async (run) => {
    const [wanted] = run.args;
    const { api } = await run.connect();
    const catalog = await readCatalog(api);
    if (wanted !== undefined) {
      const found = catalog.find(({ type }) => type === wanted);
      if (found === undefined) throw unknownIntent(wanted, catalog);
      if (run.json) run.printJson(found);
      else show(found, run);
      return EXIT.ok;
    }
    const width = Math.max(0, ...catalog.map(({ type }) => type.length));
    for (const intent of catalog) {
      if (run.json) run.printJson(intent);
      else
        run.print(
          `${run.style.bold(pad(printable(intent.type), width))}  v${intent.version}  ${printable(intent.description)}`,
        );
    }
    return EXIT.ok;
  },
});

function show(
  { type, version, description, route, plan, input_schema }: CatalogIntent,
  { style, print }: Pick<Run, "style" | "print">,
) {
  print(`${style.bold(printable(type))}  v${version}  POST ${printable(route)}`);
  print(printable(description));
  print();
  for (const line of planDrawing(plan.nodes, style)) print(line);
  const commits =
    plan.checkpoint === "ends" ? "2 commits, whatever its length" : "a commit for each step, and one to accept";
  print(style.dim(`  ${commits}`));
  print();
  print("Input, as JSON Schema:");
  print(printableJson(input_schema, 2));
}
