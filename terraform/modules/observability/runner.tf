locals {
  runners         = { for runner in var.runner[*] : runner.service => runner }
  of_each_runner  = { for service in keys(local.runners) : service => "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${service}\"" }
  about_the_calls = "Calls of guests then end as RESOURCE_EXHAUSTED, which callers repeat; a step of a saga is tried again."

  # A call answers 200 before its guest runs, and says in its stream how it ended: a 5xx is Cloud Run's own, a fault in a stream is a line of the log.
  of_runner = merge([
    for service, runner in local.runners : {
      runner-errors = {
        title    = "The runner of guests fails"
        severity = "ERROR"
        filter   = "metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\" AND ${local.of_each_runner[service]}"
        align    = { aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", seconds = 300 }
        above    = 10
        lasting  = "0s"
        about    = "More than ten calls in five minutes were cut off: an instance died (memory, or a guest that took its process over), did not start, or a call took longer than its service may. ${local.about_the_calls}"
      }
      runner-faults = {
        title    = "The runner of guests has a fault"
        severity = "ERROR"
        filter   = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.errors.name}\" AND ${local.of_each_runner[service]}"
        align    = { aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", seconds = 300 }
        above    = 0
        lasting  = "0s"
        about    = "The runner itself failed at a call, which no guest can bring about by its own fault. Its log names the digest of the module: see whether it is always the same, and stop its instances if so."
      }
      runner-full = {
        title    = "The runner of guests has all its instances"
        severity = "WARNING"
        filter   = "metric.type=\"run.googleapis.com/container/instance_count\" AND metric.labels.state=\"active\" AND ${local.of_each_runner[service]}"
        align    = { aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", seconds = 60 }
        above    = runner.max_instances - 1 # Cloud Monitoring compares by more than, not by at least
        lasting  = "300s"
        about    = "It has been at its greatest number of instances for five minutes: what comes beyond waits, and is refused by Cloud Run with 429. See in the log which tenant calls that much; raise max_instances in infra/build/runner-spec.ts if that is what is wanted. ${local.about_the_calls}"
      }
      runner-slow = {
        title    = "The runner of guests is slow"
        severity = "WARNING"
        filter   = "metric.type=\"run.googleapis.com/request_latencies\" AND ${local.of_each_runner[service]}"
        align    = { aligner = "ALIGN_PERCENTILE_95", reducer = "REDUCE_MAX", seconds = 300 }
        above    = 10000 # ms; a call may take 30 s at most
        lasting  = "600s"
        about    = "One call in twenty takes over ten seconds: guests that work that long, capabilities that answer late, or too few threads for what is asked. See the dashboard for the number of instances beside it."
      }
    }
  ]...)
}
