import { describe, expect, it } from "vitest";

import { RouteTable } from "../../shared/http/route-table.ts";

function table(...routes: readonly (readonly [method: string, path: string])[]): RouteTable<string> {
  const made = new RouteTable<string>();
  for (const [method, path] of routes) made.add(method, path, `${method} ${path}`);
  return made;
}

describe("a table of routes", () => {
  it("finds what has no parameters before what has, whichever was added first", () => {
    const routes = table(["GET", "/a/{id}"], ["GET", "/a/list"]);
    expect(routes.find("GET", "/a/list")).toEqual({ route: "GET /a/list", params: {} });
    expect(routes.find("GET", "/a/x")).toEqual({ route: "GET /a/{id}", params: { id: "x" } });
  });

  it("looks on where a pattern fits but takes another method", () => {
    const routes = table(["GET", "/a/{id}"], ["POST", "/a/{name}"], ["POST", "/a/new"]);
    expect(routes.find("GET", "/a/new")).toEqual({ route: "GET /a/{id}", params: { id: "new" } });
    expect(routes.find("POST", "/a/x")).toEqual({ route: "POST /a/{name}", params: { name: "x" } });
    expect(routes.methodsOf("/a/new").toSorted()).toEqual(["GET", "POST"]);
  });

  it("gives parameters decoded, and as they are where their escapes are none", () => {
    const routes = table(["GET", "/a/{id}/b/{name}"]);
    expect(routes.find("GET", "/a/%C3%BC%2F/b/%zz")?.params).toEqual({ id: "ü/", name: "%zz" });
  });

  it.each(["/a", "/a/", "/a//b", "/a/x/b/", "/A/x/b", "//a/x/b", "/a/x/b/c", "", "*"])(
    "finds nothing at %j",
    (path) => {
      const routes = table(["GET", "/a/{id}/b"]);
      expect(routes.find("GET", path)).toBeUndefined();
      expect(routes.methodsOf(path)).toEqual([]);
    },
  );

  it("takes whatever follows an open end, and nothing before it", () => {
    const routes = table(["PUT", "/objects/*"]);
    expect(routes.find("PUT", "/objects/a/b%2Fc")?.route).toBe("PUT /objects/*");
    expect(routes.find("PUT", "/objects/")?.route).toBe("PUT /objects/*");
    expect(routes.find("PUT", "/objects")).toBeUndefined();
    expect(table(["POST", "/*"]).find("POST", "/")?.route).toBe("POST /*");
  });

  it("does not take a name of every object's for a parameter or a method", () => {
    const routes = table(["GET", "/a/{id}"]);
    expect(routes.find("constructor", "/a/x")).toBeUndefined();
    expect(routes.find("GET", "/a/__proto__")?.params).toEqual({ id: "__proto__" });
  });

  it("serves a path as another one is", () => {
    const routes = table(["POST", "/realm/name"]);
    routes.alias("/", "/realm/name");
    expect(routes.find("POST", "/")?.route).toBe("POST /realm/name");
  });
});
