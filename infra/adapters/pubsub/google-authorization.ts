/** The token of whom the function runs as; the library keeps it until it is about to expire. */
export function googleAuthorization(projectId: string, scope: string): () => Promise<string> {
  let opening: Promise<{ getAccessToken(): Promise<string | null | undefined> }> | undefined;
  const open = async () => {
    const { GoogleAuth } = await import("google-auth-library");
    return new GoogleAuth({ projectId, scopes: [scope] });
  };
  return async () => {
    opening ??= open();
    const token = await (await opening).getAccessToken();
    return `Bearer ${token ?? ""}`;
  };
}
