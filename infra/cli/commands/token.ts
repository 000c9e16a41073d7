import { command } from "../command.ts";
import { chosenTenant, fetchDevToken, runtimeUrl } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";

export const token = command({
  name: "token",
  summary: "print a token of dev mode",
  args: [],
  flags: {
    user: { type: "string", value: "ID", about: "the user that it names" },
    roles: { type: "string", value: "A,B", about: "the roles that it carries, separated by commas" },
  },
  remote: true,
  notes: [
    "Only a runtime in dev mode on this machine hands tokens out; elsewhere they come from your identity provider.",
  ],
  examples: ["export SYMPHAINY_TOKEN=$(symphainy token --tenant acme)"],
  run: async (run) => {
    const place = { env: run.env, flags: run.flags };
    const roles = run.flags.roles?.split(",").filter((role) => role !== "");
    const request = { tenantId: chosenTenant(place), userId: run.flags.user, roles };
    const issued = await fetchDevToken(runtimeUrl(place), request, run.interrupted);
    if (run.json) run.printJson(issued);
    else run.print(issued.token);
    return EXIT.ok;
  },
});
