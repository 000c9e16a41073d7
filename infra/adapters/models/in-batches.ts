/** The results for all items, from calls that take `size` of them at a time, one after the other. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  size: number,
  call: (batch: readonly Item[]) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += size)
    results.push(...(await call(items.slice(start, start + size))));
  return results;
}
