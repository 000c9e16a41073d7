import * as z from "zod";

import type { Resource } from "../applied-state.ts";
import { accountForm, bindingForm, memberForm, serviceForm } from "../resource-forms.ts";
import { differenceOf, faultsOf, type Policy } from "./deployment.ts";

const FAR_TOO_MUCH = ["roles/owner", "roles/editor"];

/** Nothing is granted to everybody. */
export const nobodyIsEverybody: Policy = ({ state }) =>
  state.resources.flatMap((resource) =>
    membersOf(resource)
      .filter((member) => /^all(Authenticated)?Users$/.test(member))
      .map((member) => `${resource.address} grants to ${member}`),
  );

/** No role that can do anything, and none of a function's in the whole project but its one database. */
export const rolesAreNarrow: Policy = ({ state, manifest }) => {
  const grants = state.all("google_project_iam_member", memberForm);
  const functions = new Set(functionMembers(state.all("google_service_account", accountForm)));
  const ofFunctions = grants.filter(({ member }) => functions.has(member));
  return [
    ...faultsOf(grants, ({ role }) => !FAR_TOO_MUCH.includes(role), "its role may do anything"),
    ...faultsOf(
      ofFunctions,
      ({ role, condition }) =>
        role === "roles/datastore.user" && condition?.expression.includes("/databases/") === true,
      "a function may only use its database in the project",
    ),
    ...differenceOf(
      "functions that may use the database",
      ofFunctions.map(({ member }) => member),
      [...functions],
    ),
    ...(functions.size === manifest.functions.filter(({ kind }) => kind !== "runner").length
      ? []
      : ["not every function has an account of its own"]),
  ];
};

/** Each function runs as an account of its own that was made for it. */
export const ownAccounts: Policy = ({ state }) => {
  const emails = new Set(state.all("google_service_account", accountForm).map(({ email }) => email));
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  const used = services.map(({ template }) => template?.service_account ?? "the default account");
  return [
    ...faultsOf(services, ({ template }) => emails.has(template?.service_account ?? ""), "runs as the default account"),
    ...differenceOf("accounts of functions", used, [...new Set(used)]),
  ];
};

/** A secret is read by the functions that list it, and by nobody else; it comes by its version. */
export const secretsAreForWhoListsThem: Policy = ({ state, manifest }) => {
  const accounts = state.all("google_service_account", accountForm);
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  const secrets = state.all("google_secret_manager_secret", z.object({ secret_id: z.string() }));
  const readers = state.all("google_secret_manager_secret_iam_binding", bindingForm.extend({ secret_id: z.string() }));
  const memberOf = (name: string): string => {
    const service = services.find((each) => each.template?.containers[0]?.args?.[0] === name);
    return accounts.find(({ email }) => email === service?.template?.service_account)?.member ?? `nobody for ${name}`;
  };
  const given = services.flatMap(({ address, template }) => {
    const container = template?.containers[0];
    const listed = manifest.functions.find(({ name }) => name === container?.args?.[0])?.secrets ?? [];
    return (container?.env ?? []).flatMap(({ name, value, value_source }) => {
      const reference = value_source?.secret_key_ref;
      if (reference === undefined) {
        const isSecret = manifest.functions.some(({ secrets: names }) => names.includes(name));
        return isSecret && (value ?? "") !== "" ? [`${address}: ${name} is a secret and stands in the open`] : [];
      }
      return [
        ...(listed.includes(name) ? [] : [`${address}: ${name} is not among its secrets`]),
        ...(/^\d+$/.test(reference.version ?? "") ? [] : [`${address}: ${name} is not named by its version`]),
      ];
    });
  });
  return [
    ...given,
    ...(secrets.length > 0 ? [] : ["there are no secrets"]),
    ...secrets.flatMap(({ secret_id }) => {
      const listing = manifest.functions.filter(({ secrets: names }) => names.includes(secret_id));
      const wanted = listing.map(({ name }) => memberOf(name));
      const found = readers.filter((each) => each.secret_id === secret_id).flatMap(({ members }) => members);
      return differenceOf(`readers of ${secret_id}`, found, wanted);
    }),
    ...state.resources
      .filter(
        ({ type }) =>
          type === "google_secret_manager_secret_iam_member" || type === "google_secret_manager_secret_iam_policy",
      )
      .map(({ address }) => `${address} grants beside the binding`),
  ];
};

/** Whom a resource grants something to. */
export function membersOf({ values }: Resource): readonly string[] {
  return [values["member"], values["members"]].flat().filter((each) => typeof each === "string");
}

function functionMembers(accounts: readonly z.infer<typeof accountForm>[]): readonly string[] {
  return accounts.filter(({ account_id }) => account_id.startsWith("fn-")).map(({ member }) => member);
}
