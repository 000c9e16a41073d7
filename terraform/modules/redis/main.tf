resource "upstash_redis_database" "this" {
  count = var.kind == "upstash" ? 1 : 0

  database_name  = var.name
  region         = "global"
  primary_region = var.upstash_region
  tls            = true
  # Redis is a copy that may be lost whole, but not key by key: an index without its entries would answer wrongly.
  eviction = false
}
