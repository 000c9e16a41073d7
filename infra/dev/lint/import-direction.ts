import { builtinModules } from "node:module";
import path from "node:path";
import type { Context, ESTree, Rule } from "@oxlint/plugins";
import { repositoryPath, repositoryRoot } from "./repository-path.ts";
import type { Room } from "./rooms.ts";
import { ROOMS } from "./rooms.ts";

/** Keeps every import, type-only and dynamic ones included, within what the table in rooms.ts allows. */
export const importDirection: Rule = {
  create(context) {
    const file = repositoryPath(context);
    const room = roomOf(file);
    const check = (node: ESTree.Node, specifier: string): void => {
      const fault = room === undefined ? undefined : faultOf(file, room, specifier);
      if (fault !== undefined) context.report({ node, message: fault });
    };
    return {
      Program: (node) => reportHomeless(context, node, file, room),
      ImportDeclaration: (node) => check(node, node.source.value),
      ExportAllDeclaration: (node) => check(node, node.source.value),
      ExportNamedDeclaration: (node) => {
        if (node.source !== null) check(node, node.source.value);
      },
      TSImportType: (node) => check(node, node.source.value),
      ImportExpression: (node) => {
        const { source } = node;
        if (source.type === "Literal" && typeof source.value === "string") check(node, source.value);
        else if (room?.packages !== "any")
          context.report({ node, message: "import() of a computed name hides what is imported." });
      },
    };
  },
};

function reportHomeless(context: Context, node: ESTree.Node, file: string, room: Room | undefined): void {
  if (room === undefined && /^(shared|functions|infra)\//.test(file)) {
    context.report({ node, message: `${file} belongs to no room of infra/dev/lint/rooms.ts; move it or add a room.` });
  }
}

/** Why `file` of `room` may not import `specifier`; undefined when it may. */
function faultOf(file: string, room: Room, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) {
    const name = packageName(specifier);
    return room.packages === "any" || room.packages.includes(name)
      ? undefined
      : `${room.name} may not import the package ${name}.`;
  }
  const target = path.relative(repositoryRoot, path.resolve(repositoryRoot, path.dirname(file), specifier));
  const targetRoom = roomOf(target);
  if (targetRoom === room) {
    return room.apart === undefined || world(file, room.apart) === world(target, room.apart)
      ? undefined
      : `${world(file, room.apart)} may not import ${world(target, room.apart)}: each ${room.name} stands alone.`;
  }
  if (targetRoom === undefined) return room.packages === "any" ? undefined : `${room.name} may not import ${target}.`;
  return room.imports.includes(targetRoom.name)
    ? undefined
    : `${room.name} may not import ${targetRoom.name} (${target}).`;
}

function roomOf(file: string): Room | undefined {
  return ROOMS.find((room) => room.files.some((glob) => path.matchesGlob(file, glob)));
}

function world(file: string, depth: number): string {
  return file.split("/").slice(0, depth).join("/");
}

function packageName(specifier: string): string {
  if (specifier.startsWith("node:")) return specifier;
  if (builtinModules.includes(specifier)) return `node:${specifier}`;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
