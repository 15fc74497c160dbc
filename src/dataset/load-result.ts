// What a load hands on: how much was offered, how much arrived, and where. Gates and features read it.

/** What a load hands on: which table it wrote, and how many of the offered rows it has. */
export interface LoadResult {
  readonly kind: "load-result";
  /** Connection and table, such as "warehouse.sales": also the asset's name. */
  readonly asset: string;
  /** Rows of the dataset that was to be loaded. */
  readonly offered: number;
  /** Rows that the destination confirmed. */
  readonly loaded: number;
  /** Rows that the contract before the load set aside. */
  readonly quarantined: number;
  /** Where rows of quarantine were replayed alone: how many of the same delivery were loaded before them. */
  readonly before?: number;
}
