import * as z from "zod";

import { alertForm, bucketForm, databaseForm } from "../resource-forms.ts";
import { differenceOf, faultsOf, type Policy } from "./deployment.ts";

/** Days after which ADR 0012 has the store clear away. */
const CLEARED_AWAY = ["incoming/ after 1", "uploads/ after 7"];
const ALERTS = ["stuck", "not published", "wait for a person", "dead letters", "5xx", "sweep does not run"];

/** Buckets are governed by IAM alone, closed to the public, and cleared of what is left behind. */
export const bucketsAreClosed: Policy = ({ state }) => {
  const buckets = state.all("google_storage_bucket", bucketForm);
  return [
    ...(buckets.length > 0 ? [] : ["there is no bucket"]),
    ...faultsOf(buckets, (bucket) => bucket.uniform_bucket_level_access === true, "objects have rights of their own"),
    ...faultsOf(buckets, (bucket) => bucket.public_access_prevention === "enforced", "may be opened to the public"),
    ...buckets.flatMap(({ address, lifecycle_rule }) => {
      const rules = lifecycle_rule.flatMap(({ action, condition }) =>
        action?.type === "Delete"
          ? (condition?.matches_prefix ?? ["everything"]).map((prefix) => `${prefix} after ${condition?.age ?? "no"}`)
          : [],
      );
      return differenceOf(`${address}: what is cleared away`, rules, CLEARED_AWAY);
    }),
  ];
};

/** Production can go back seven days, keeps copies, and is not deleted by mistake. */
export const databasesAreKept: Policy = ({ state, protected: isProtected }) => {
  const databases = state.all("google_firestore_database", databaseForm);
  const backups = state.all("google_firestore_backup_schedule", z.object({ retention: z.string() }));
  return [
    ...(databases.length === 1 ? [] : ["there is not one database"]),
    ...(isProtected
      ? [
          ...faultsOf(
            databases,
            (each) => each.point_in_time_recovery_enablement === "POINT_IN_TIME_RECOVERY_ENABLED",
            "has no point-in-time recovery",
          ),
          ...faultsOf(
            databases,
            (each) => each.delete_protection_state === "DELETE_PROTECTION_ENABLED" && each.deletion_policy !== "DELETE",
            "may be deleted",
          ),
          ...(backups.length === 2
            ? []
            : [`there are ${backups.length} schedules of backups, not a daily and a weekly one`]),
        ]
      : []),
  ];
};

/** What matters wakes somebody, who can read what it means. */
export const alertsTellSomebody: Policy = ({ state, protected: isProtected }) => {
  const alerts = state.all("google_monitoring_alert_policy", alertForm);
  return [
    ...ALERTS.filter((words) => !alerts.some(({ display_name }) => display_name.includes(words))).map(
      (words) => `no alert says that something "${words}"`,
    ),
    ...faultsOf(
      alerts,
      ({ documentation }) => (documentation[0]?.content.length ?? 0) > 40,
      "does not say what it means",
    ),
    ...(isProtected
      ? faultsOf(alerts, ({ notification_channels }) => (notification_channels ?? []).length > 0, "tells nobody")
      : []),
  ];
};
