import { nobodyIsEverybody, ownAccounts, rolesAreNarrow, secretsAreForWhoListsThem } from "./access.ts";
import type { Policy } from "./deployment.ts";
import { doorsAreClosed, schedulesAreTheManifest, servicesAreBounded, servicesAreTheManifest } from "./functions.ts";
import { runnerIsReachedInside } from "./guest-network.ts";
import { guestsAreSealed } from "./guests.ts";
import { indexesAreTheFile } from "./indexes.ts";
import { alertsTellSomebody, bucketsAreClosed, databasesAreKept } from "./keeping.ts";
import { timersReachTheirTopics } from "./timers.ts";
import { deadLettersAreSeen, publishersAreListed, pushesAreProven, topicsAreTheManifest } from "./messaging.ts";
import { runnerIsWatched, timersAreWatched } from "./watching.ts";

/** What must hold of every deployment of the runtime, by name. */
export const POLICIES: Readonly<Record<string, Policy>> = {
  nobodyIsEverybody,
  rolesAreNarrow,
  ownAccounts,
  secretsAreForWhoListsThem,
  servicesAreTheManifest,
  servicesAreBounded,
  doorsAreClosed,
  guestsAreSealed,
  runnerIsReachedInside,
  schedulesAreTheManifest,
  topicsAreTheManifest,
  pushesAreProven,
  deadLettersAreSeen,
  publishersAreListed,
  bucketsAreClosed,
  databasesAreKept,
  indexesAreTheFile,
  alertsTellSomebody,
  timersReachTheirTopics,
  timersAreWatched,
  runnerIsWatched,
};
