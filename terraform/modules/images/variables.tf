variable "project_id" {
  description = "The project of the repository."
  type        = string
}

variable "location" {
  description = "The region of the repository; that of the functions, so that an instance that starts reads its image nearby."
  type        = string
}

variable "name" {
  description = "The repository's name."
  type        = string
}

variable "writers" {
  description = "Who may push images, as IAM members."
  type        = set(string)
  default     = []
}

variable "labels" {
  description = "Labels of everything that takes them."
  type        = map(string)
  default     = {}
}
