terraform {
  required_version = ">= 1.11, < 2.0"

  # The bucket is given to init: terraform init -backend-config=bucket=PROJECT-terraform
  backend "gcs" {
    prefix = "symphainy/control-plane/workloads"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 2.38"
    }
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

# The cluster is another root's: a provider cannot be configured by what the same apply creates.
data "google_client_config" "this" {}

data "google_container_cluster" "this" {
  project  = var.project_id
  location = var.region
  name     = var.cluster
}

provider "kubernetes" {
  host                   = "https://${data.google_container_cluster.this.endpoint}"
  token                  = data.google_client_config.this.access_token
  cluster_ca_certificate = base64decode(data.google_container_cluster.this.master_auth[0].cluster_ca_certificate)
}
