/** Which route serves a path, and with which parameters. */
export interface Match<Route> {
  readonly route: Route;
  /** Decoded; one whose escapes are none stands as it was sent. */
  readonly params: Readonly<Record<string, string>>;
}

interface Pattern<Route> {
  readonly segments: readonly string[];
  /** Whether anything may follow. */
  readonly isOpen: boolean;
  readonly routes: Map<string, Route>;
}

const NO_PARAMS: Readonly<Record<string, string>> = {};

/**
 * Routes by method and path. A path is as in OpenAPI, `/session/{session_id}`, where a parameter is a segment that is not empty; one that ends
 * in `/*` matches all that follows. What has no parameters goes first, then what was added first.
 */
export class RouteTable<Route> {
  readonly #plain = new Map<string, Map<string, Route>>();
  readonly #patterns = new Map<string, Pattern<Route>>();

  add(method: string, path: string, route: Route): void {
    this.#routesOf(path).set(method, route);
  }

  /** Serves a path without parameters as another one is. */
  alias(path: string, of: string): void {
    this.#plain.set(path, this.#routesOf(of));
  }

  /** Undefined where there is none; then `methodsOf` tells whether there is one for another method. */
  find(method: string, path: string): Match<Route> | undefined {
    const plain = this.#plain.get(path)?.get(method);
    if (plain !== undefined) return { route: plain, params: NO_PARAMS };
    const segments = path.split("/");
    for (const pattern of this.#patterns.values()) {
      const route = pattern.routes.get(method);
      if (route !== undefined && matches(pattern, segments)) return { route, params: paramsOf(pattern, segments) };
    }
    return undefined;
  }

  methodsOf(path: string): readonly string[] {
    const segments = path.split("/");
    const patterns = [...this.#patterns.values()].filter((pattern) => matches(pattern, segments));
    const methods = [this.#plain.get(path), ...patterns.map(({ routes }) => routes)].flatMap((routes) => [
      ...(routes?.keys() ?? []),
    ]);
    return [...new Set(methods)];
  }

  #routesOf(path: string): Map<string, Route> {
    if (!/[{*]/.test(path)) {
      const routes = this.#plain.get(path) ?? new Map<string, Route>();
      this.#plain.set(path, routes);
      return routes;
    }
    const isOpen = path.endsWith("/*");
    const segments = (isOpen ? path.slice(0, -2) : path).split("/");
    const pattern = this.#patterns.get(path) ?? { segments, isOpen, routes: new Map<string, Route>() };
    this.#patterns.set(path, pattern);
    return pattern.routes;
  }
}

function matches<Route>({ segments, isOpen }: Pattern<Route>, path: readonly string[]): boolean {
  if (isOpen ? path.length <= segments.length : path.length !== segments.length) return false;
  return segments.every((segment, at) => (isParam(segment) ? path[at] !== "" : path[at] === segment));
}

function paramsOf<Route>({ segments }: Pattern<Route>, path: readonly string[]): Readonly<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const [at, segment] of segments.entries()) {
    if (isParam(segment)) params[segment.slice(1, -1)] = decoded(path[at] ?? "");
  }
  return params;
}

function isParam(segment: string): boolean {
  return segment.startsWith("{");
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
