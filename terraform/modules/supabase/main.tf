resource "supabase_project" "this" {
  organization_id   = var.organization_id
  name              = var.name
  region            = var.region
  instance_size     = var.instance_size
  database_password = var.database_password

  lifecycle {
    prevent_destroy = true
  }
}

# The runtime talks SQL. Nothing is served over Supabase's REST interface, whose keys are in every browser.
resource "supabase_settings" "this" {
  project_ref = supabase_project.this.id

  api = jsonencode({
    db_schema            = ""
    db_extra_search_path = "extensions"
    max_rows             = 1
  })
}

data "supabase_pooler" "this" {
  project_ref = supabase_project.this.id
}
