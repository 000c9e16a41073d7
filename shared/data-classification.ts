export const DATA_CLASSIFICATIONS = ["client", "platform"] as const;
/**
 * Whose data something is: a tenant's own (`client`), or the installation's, which every tenant may read (`platform`; the tenant is
 * then attribution only). How sensitive it is, is another question and another field.
 */
export type DataClassification = (typeof DATA_CLASSIFICATIONS)[number];
