import * as z from "zod";

const resourceForm = z.object({
  address: z.string(),
  mode: z.enum(["managed", "data"]),
  type: z.string(),
  values: z.record(z.string(), z.unknown()),
});
interface Module {
  readonly resources?: readonly Resource[] | undefined;
  readonly child_modules?: readonly Module[] | undefined;
}
const moduleForm: z.ZodType<Module> = z.lazy(() =>
  z.object({ resources: z.array(resourceForm).optional(), child_modules: z.array(moduleForm).optional() }),
);
const stateForm = z.object({ values: z.object({ root_module: moduleForm }) });

export type Resource = z.infer<typeof resourceForm>;

/** What an apply has left behind, with every reference resolved. */
export interface AppliedState {
  /** Managed resources only. */
  readonly resources: readonly Resource[];
  /** All resources of a type, with what `form` reads of them. */
  all<Values>(type: string, form: z.ZodType<Values>): readonly (Values & { readonly address: string })[];
}

/** Reads what `terraform show -json` prints. */
export function readAppliedState(json: string): AppliedState {
  const resources = resourcesOf(stateForm.parse(JSON.parse(json)).values.root_module);
  return {
    resources,
    all: (type, form) =>
      resources
        .filter((resource) => resource.type === type)
        .map(({ address, values }) => ({ ...form.parse(values), address })),
  };
}

function resourcesOf({ resources = [], child_modules = [] }: Module): readonly Resource[] {
  return [...resources.filter(({ mode }) => mode === "managed"), ...child_modules.flatMap(resourcesOf)];
}
