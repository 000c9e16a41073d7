import * as z from "zod";

import { serviceForm } from "../resource-forms.ts";
import { differenceOf, faultsOf, type Policy } from "./deployment.ts";

const zoneForm = z.object({
  name: z.string(),
  dns_name: z.string(),
  visibility: z.string().nullish(),
  private_visibility_config: z.array(z.object({ networks: z.array(z.object({ network_url: z.string() })) })),
});
const recordForm = z.object({
  managed_zone: z.string(),
  name: z.string(),
  type: z.string(),
  rrdatas: z.array(z.string()).nullish(),
});
const subnetworkForm = z.object({ id: z.string(), private_ip_google_access: z.boolean().nullish() });

/** private.googleapis.com, as https://cloud.google.com/vpc/docs/configure-private-google-access lists it. */
const PRIVATE_WAY = ["A 199.36.153.8", "A 199.36.153.9", "A 199.36.153.10", "A 199.36.153.11"];

/** Whoever calls the runner of guests does so through one network, in which its name leads to addresses that are reached through it. */
export const runnerIsReachedInside: Policy = ({ state, manifest }) => {
  if (!manifest.functions.some(({ kind }) => kind === "runner")) return [];
  const calling = new Set(manifest.functions.filter(({ calls_runner }) => calls_runner).map(({ name }) => name));
  const callers = state
    .all("google_cloud_run_v2_service", serviceForm)
    .filter(({ template }) => calling.has(template?.containers[0]?.args?.[0] ?? ""))
    .map(({ address, template }) => ({ address, ...template?.vpc_access?.network_interfaces[0] }));
  const networks = new Set(callers.map(({ network }) => network ?? "no network"));
  const zones = state
    .all("google_dns_managed_zone", zoneForm)
    .filter(({ dns_name, visibility }) => dns_name === "run.app." && visibility === "private");
  const records = state
    .all("google_dns_record_set", recordForm)
    .filter(({ managed_zone }) => zones.some(({ name }) => name === managed_zone))
    .map(({ name, type, rrdatas }) => ({ name, told: (rrdatas ?? []).map((data) => `${type} ${data}`) }));
  const toldOf = (name: string): readonly string[] =>
    records.filter((each) => each.name === name).flatMap(({ told }) => told);
  const subnetworks = state.all("google_compute_subnetwork", subnetworkForm);
  return [
    ...differenceOf(
      "networks in which run.app leads inside",
      zones.flatMap((zone) =>
        zone.private_visibility_config.flatMap((each) => each.networks.map((n) => n.network_url)),
      ),
      [...networks],
    ),
    ...differenceOf("what run.app is", toldOf("run.app."), PRIVATE_WAY),
    ...differenceOf("what a service in run.app is", toldOf("*.run.app."), ["CNAME run.app."]),
    ...faultsOf(
      subnetworks.filter(({ id }) => callers.some(({ subnetwork }) => subnetwork === id)),
      (each) => each.private_ip_google_access === true,
      "has no Private Google Access: nothing in it reaches the runner of guests",
    ),
  ];
};
