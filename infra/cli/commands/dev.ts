import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";

export const dev = command({
  name: "dev",
  summary: "serve the whole runtime on this machine, as npm start does",
  args: [],
  flags: {
    port: { type: "string", value: "N", about: "where to listen (PORT; default 8080)" },
    "data-dir": { type: "string", value: "PATH", about: "where the data is (DATA_DIR; default .symphainy)" },
  },
  remote: false,
  notes: [
    "Every other variable of the runtime's configuration works as well. Ctrl-C stops it; it goes on where it was.",
  ],
  examples: ["symphainy dev", "symphainy dev --port 9000 --data-dir /tmp/symphainy"],
  run: async ({ flags }) => {
    if (flags.port !== undefined) process.env["PORT"] = flags.port;
    if (flags["data-dir"] !== undefined) process.env["DATA_DIR"] = flags["data-dir"];
    // The runtime ends by its own rules, with time for what runs.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(signal);
    await import("../../../functions/main.ts");
    return EXIT.ok;
  },
});
