import * as z from "zod";

import { accountForm, bindingForm, serviceForm } from "../resource-forms.ts";
import { membersOf } from "./access.ts";
import { differenceOf, faultsOf, type Policy } from "./deployment.ts";

/** The runner of guests is told nothing but its mode, may do nothing, and is called by the functions that run guests and by nobody else. */
export const guestsAreSealed: Policy = ({ state, manifest }) => {
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  const accounts = state.all("google_service_account", accountForm);
  const invokers = state.all("google_cloud_run_v2_service_iam_binding", bindingForm.extend({ name: z.string() }));
  const serviceOf = (name: string) => services.find(({ template }) => template?.containers[0]?.args?.[0] === name);
  const accountOf = (service: (typeof services)[number] | undefined) =>
    accounts.find(({ email }) => email === service?.template?.service_account);
  const envOf = (service: (typeof services)[number] | undefined) => service?.template?.containers[0]?.env ?? [];

  const entry = manifest.functions.find(({ kind }) => kind === "runner");
  const runner = entry === undefined ? undefined : serviceOf(entry.name);
  const callers = manifest.functions.filter(({ calls_runner }) => entry !== undefined && calls_runner);
  const told = manifest.functions.flatMap(({ name }) => {
    const url = envOf(serviceOf(name)).find((each) => each.name === "WASM_RUNNER_URL")?.value;
    return url === undefined ? [] : [`${name} of ${url ?? "nowhere"}`];
  });
  const toldRight = differenceOf(
    "functions that are told of the runner",
    told,
    callers.map(({ name }) => `${name} of ${runner?.uri ?? "no runner"}`),
  );
  if (entry === undefined || runner === undefined) return toldRight;

  const account = accountOf(runner);
  const grants = state.resources.filter((resource) => membersOf(resource).includes(account?.member ?? ""));
  // The account itself tells its own name.
  const rights = grants.filter(({ type }) => type !== "google_service_account");
  return [
    ...toldRight,
    ...(account?.account_id.startsWith("fn-") === false ? [] : [`${runner.address}: runs as a function does`]),
    ...rights.map(({ address }) => `${address}: the runner of guests has a right`),
    ...differenceOf(
      "what the runner is told",
      envOf(runner).map(({ name, value }) => `${name}=${value ?? "a secret"}`),
      Object.entries(entry.environment).map(([name, value]) => `${name}=${value}`),
    ),
    ...faultsOf([runner], ({ ingress }) => ingress === "INGRESS_TRAFFIC_INTERNAL_ONLY", "is reached from outside"),
    ...faultsOf([runner], (each) => each.invoker_iam_disabled !== true, "Cloud Run lets everybody in"),
    ...differenceOf(
      "who may call the runner",
      invokers.filter(({ name }) => name === runner.name).flatMap(({ members }) => members),
      callers.map(({ name }) => accountOf(serviceOf(name))?.member ?? `nobody for ${name}`),
    ),
  ];
};
