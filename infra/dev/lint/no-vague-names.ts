import type { Rule } from "@oxlint/plugins";
import { repositoryPath } from "./repository-path.ts";

export const VAGUE = new Set(["utils", "util", "helpers", "helper", "common", "misc", "manager", "data2"]);

/** Names of files and folders tell the concept that they hold. */
export const noVagueNames: Rule = {
  create(context) {
    return {
      Program: (node) => {
        const word = repositoryPath(context)
          .split(/[/.-]/)
          .find((part) => VAGUE.has(part.toLowerCase()));
        if (word !== undefined)
          context.report({ node, message: `"${word}" says nothing: name the file or folder after its concept.` });
      },
    };
  },
};
