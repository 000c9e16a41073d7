/** A type of Terraform's, in the JSON form that the plugin protocol uses. */
export type TerraformType =
  | "string"
  | "number"
  | "bool"
  | "dynamic"
  | readonly ["list" | "set" | "map", TerraformType]
  | readonly ["object", Readonly<Record<string, TerraformType>>];

export interface Attribute {
  readonly type: TerraformType;
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
  readonly sensitive?: boolean;
  /** Sent to the provider and kept nowhere: neither in a plan nor in the state. */
  readonly write_only?: boolean;
  /** Beyond the protocol: the only values that the provider's documentation allows. */
  readonly one_of?: readonly string[];
}

export interface NestedBlock {
  readonly nesting_mode: "single" | "list" | "set" | "map";
  readonly min_items?: number;
  readonly max_items?: number;
  readonly block: Block;
}

export interface Block {
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly block_types: Readonly<Record<string, NestedBlock>>;
}

/** What a provider says of itself: a subset of `terraform providers schema -json`. */
export interface ProviderSchema {
  /** Such as `registry.terraform.io/hashicorp/google`. */
  readonly address: string;
  /** Where the types were taken from, with its version. */
  readonly source: string;
  readonly provider: Block;
  readonly resources: Readonly<Record<string, Block>>;
  readonly data_sources: Readonly<Record<string, Block>>;
}
