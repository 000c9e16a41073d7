import { bindingForm, schedulerForm, serviceForm } from "../resource-forms.ts";
import * as z from "zod";

import { differenceOf, faultsOf, type Policy } from "./deployment.ts";

const BY_DIGEST = /@sha256:[0-9a-f]{64}$/;

/** Every function of the manifest is one service, and it has what the manifest says: no more, no less. */
export const servicesAreTheManifest: Policy = ({ state, manifest }) => {
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  const names = services.map(({ template }) => template?.containers[0]?.args?.join(" ") ?? "no bundle");
  const wrong = services.flatMap(({ address, template }) => {
    const container = template?.containers[0];
    const entry = manifest.functions.find(({ name }) => name === container?.args?.[0]);
    if (entry === undefined || container === undefined || template === undefined) return [];
    const { limits } = container.resources ?? {};
    const facts = {
      memory: [limits?.["memory"], `${entry.memory_mb}Mi`],
      cpu: [limits?.["cpu"], String(entry.cpu)],
      timeout: [template.timeout, `${entry.timeout_seconds}s`],
      concurrency: [template.max_instance_request_concurrency, entry.concurrency],
      min_instances: [template.scaling?.min_instance_count ?? 0, entry.min_instances],
      max_instances: [template.scaling?.max_instance_count, entry.max_instances],
    };
    return Object.entries(facts)
      .filter(([, [found, wanted]]) => found !== wanted)
      .map(([fact, [found, wanted]]) => `${address}: its ${fact} is ${String(found)}, not ${String(wanted)}`);
  });
  return [
    ...differenceOf(
      "services",
      names,
      manifest.functions.map(({ name }) => name),
    ),
    ...wrong,
  ];
};

/** A flood ends somewhere, an image is what it was when it was tested, and a revision that cannot start takes no traffic. */
export const servicesAreBounded: Policy = ({ state }) => {
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  return [
    ...faultsOf(
      services,
      ({ template }) => (template?.scaling?.max_instance_count ?? 0) > 0,
      "has no greatest number of instances",
    ),
    ...faultsOf(
      services,
      ({ template }) => template?.containers.every(({ image }) => BY_DIGEST.test(image)) === true,
      "its image is not named by digest",
    ),
    ...faultsOf(
      services,
      ({ template }) => template?.containers.every(({ startup_probe }) => startup_probe.length === 1) === true,
      "has no startup probe",
    ),
  ];
};

/** Cloud Run lets only its callers in to a job, and everybody in only where the internet does not reach it but through the edge. */
export const doorsAreClosed: Policy = ({ state, manifest }) => {
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  const invokers = state.all("google_cloud_run_v2_service_iam_binding", bindingForm.extend({ name: z.string() }));
  const kindOf = (args: readonly string[] | null | undefined): string | undefined =>
    manifest.functions.find(({ name }) => name === args?.[0])?.kind;
  return services.flatMap(({ address, name, ingress, invoker_iam_disabled, template }) => {
    const kind = kindOf(template?.containers[0]?.args);
    const checked = invoker_iam_disabled !== true;
    const callers = invokers.filter((each) => each.name === name).flatMap(({ members }) => members);
    return [
      ...(checked || ingress !== "INGRESS_TRAFFIC_ALL" ? [] : [`${address}: anybody on the internet gets in`]),
      ...(kind === "job" && !checked ? [`${address}: a job checks nobody by itself`] : []),
      ...(kind === "job" && ingress !== "INGRESS_TRAFFIC_INTERNAL_ONLY"
        ? [`${address}: a job is called from within`]
        : []),
      ...(kind === "intent" && checked ? [`${address}: it would get pushes without their signature`] : []),
      ...(checked && callers.length === 0 ? [`${address}: nobody may call it`] : []),
    ];
  });
};

/** Every job is called when the manifest says, by an account that its service lets in. */
export const schedulesAreTheManifest: Policy = ({ state, manifest }) => {
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  const schedules = state.all("google_cloud_scheduler_job", schedulerForm);
  const invokers = state.all("google_cloud_run_v2_service_iam_binding", bindingForm.extend({ name: z.string() }));
  const told = schedules.map(({ schedule, http_target }) => {
    const service = services.find(({ uri }) => uri === http_target?.uri);
    const caller = http_target?.oidc_token?.service_account_email;
    const letIn = invokers.some(
      ({ name, members }) => name === service?.name && members.includes(`serviceAccount:${caller ?? ""}`),
    );
    const aimed = http_target?.oidc_token?.audience === service?.uri && http_target?.http_method === "POST";
    return `${service?.template?.containers[0]?.args?.[0] ?? "nothing"} at ${schedule}${letIn && aimed ? "" : " without its token"}`;
  });
  const wanted = manifest.functions.flatMap(({ name, triggers: { schedule } }) =>
    schedule === null ? [] : [`${name} at ${schedule}`],
  );
  return differenceOf("schedules", told, wanted);
};
