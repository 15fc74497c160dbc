// What other tools call the expectations of Sluice. A test holds the names on the left against what the package exports,
// and those of Great Expectations against what the replay of its cases translates.

export interface OtherNames {
  readonly ours: string;
  /** Great Expectations Core's classes. */
  readonly gx?: readonly string[];
  /** Tests of dbt-expectations (without the `expect_` in front), and of dbt itself. */
  readonly dbt?: readonly string[];
  /** Checks and options of Pandera. */
  readonly pandera?: readonly string[];
  readonly deequ?: readonly string[];
  /** Anomalies of TensorFlow Data Validation that it finds. */
  readonly tfdv?: readonly string[];
}

export const expectationNames: readonly OtherNames[] = [
  {
    ours: "rowCount",
    gx: ["ExpectTableRowCountToBeBetween", "ExpectTableRowCountToEqual"],
    dbt: ["table_row_count_to_be_between", "table_row_count_to_equal", "grouped_row_values_to_have_recent_data"],
    deequ: ["hasSize"],
    tfdv: ["DATASET_LOW_NUM_EXAMPLES", "DATASET_HIGH_NUM_EXAMPLES"],
  },
  {
    ours: "sameRowCount",
    gx: ["ExpectTableRowCountToEqualOtherTable"],
    dbt: ["table_row_count_to_equal_other_table"],
    tfdv: ["COMPARATOR_LOW_NUM_EXAMPLES", "COMPARATOR_HIGH_NUM_EXAMPLES"],
  },
  {
    ours: "columnCount",
    gx: ["ExpectTableColumnCountToBeBetween", "ExpectTableColumnCountToEqual"],
    dbt: ["table_column_count_to_be_between", "table_column_count_to_equal"],
    deequ: ["hasColumnCount"],
  },
  {
    ours: "columnsInOrder",
    gx: ["ExpectTableColumnsToMatchOrderedList"],
    dbt: ["table_columns_to_match_ordered_list"],
    pandera: ["DataFrameSchema(ordered=True)"],
  },
  {
    ours: "columnsAre",
    gx: ["ExpectTableColumnsToMatchSet"],
    dbt: ["table_columns_to_match_set", "table_columns_to_contain_set"],
    pandera: ["DataFrameSchema(strict=True)"],
    tfdv: ["SCHEMA_MISSING_COLUMN", "SCHEMA_NEW_COLUMN"],
  },
  {
    ours: "columnsUnchanged",
    tfdv: ["SCHEMA_MISSING_COLUMN", "SCHEMA_NEW_COLUMN", "UNEXPECTED_DATA_TYPE"],
  },
  { ours: "hasColumn", gx: ["ExpectColumnToExist"], dbt: ["column_to_exist"], pandera: ["Column(required=True)"] },
  {
    ours: "notNull",
    gx: ["ExpectColumnValuesToNotBeNull"],
    dbt: ["not_null", "column_values_to_not_be_null"],
    pandera: ["Column(nullable=False)"],
    deequ: ["isComplete"],
    tfdv: ["FEATURE_TYPE_NOT_PRESENT"],
  },
  { ours: "isNull", gx: ["ExpectColumnValuesToBeNull"], dbt: ["column_values_to_be_null"] },
  {
    ours: "completeness",
    gx: ["ExpectColumnProportionOfNonNullValuesToBeBetween"],
    dbt: ["not_null_proportion"],
    deequ: ["hasCompleteness", "areComplete"],
    tfdv: ["FEATURE_TYPE_LOW_FRACTION_PRESENT", "FEATURE_TYPE_LOW_NUMBER_PRESENT"],
  },
  {
    ours: "hasType",
    gx: ["ExpectColumnValuesToBeOfType", "ExpectColumnValuesToBeInTypeList"],
    dbt: ["column_values_to_be_of_type", "column_values_to_be_in_type_list"],
    pandera: ["Column(dtype)"],
    deequ: ["hasDataType"],
    tfdv: ["UNEXPECTED_DATA_TYPE", "FLOAT_TYPE_NOT_FLOAT"],
  },
  {
    ours: "unique",
    gx: ["ExpectColumnValuesToBeUnique"],
    dbt: ["unique", "column_values_to_be_unique"],
    pandera: ["Column(unique=True)"],
    deequ: ["isUnique", "hasUniqueness", "isPrimaryKey"],
  },
  {
    ours: "uniqueTogether",
    gx: ["ExpectCompoundColumnsToBeUnique"],
    dbt: ["compound_columns_to_be_unique"],
    pandera: ["DataFrameSchema(unique=[…])"],
    deequ: ["hasUniqueness", "isPrimaryKey"],
  },
  {
    ours: "distinctCount",
    gx: ["ExpectColumnUniqueValueCountToBeBetween"],
    dbt: ["column_unique_value_count_to_be_between", "column_distinct_count_to_equal"],
    deequ: ["hasNumberOfDistinctValues", "hasApproxCountDistinct"],
    tfdv: ["FEATURE_TYPE_LOW_UNIQUE", "FEATURE_TYPE_HIGH_UNIQUE"],
  },
  {
    ours: "distinctShare",
    gx: ["ExpectColumnProportionOfUniqueValuesToBeBetween"],
    dbt: ["column_proportion_of_unique_values_to_be_between"],
    deequ: ["hasDistinctness"],
  },
  {
    ours: "oneOf",
    gx: ["ExpectColumnValuesToBeInSet"],
    dbt: ["accepted_values", "column_values_to_be_in_set"],
    pandera: ["Check.isin", "Check.eq"],
    deequ: ["isContainedIn"],
    tfdv: ["ENUM_TYPE_UNEXPECTED_STRING_VALUES"],
  },
  {
    ours: "noneOf",
    gx: ["ExpectColumnValuesToNotBeInSet"],
    dbt: ["column_values_to_not_be_in_set"],
    pandera: ["Check.notin", "Check.ne"],
  },
  {
    ours: "distinctWithin",
    gx: ["ExpectColumnDistinctValuesToBeInSet"],
    dbt: ["column_distinct_values_to_be_in_set"],
  },
  {
    ours: "distinctContains",
    gx: ["ExpectColumnDistinctValuesToContainSet"],
    dbt: ["column_distinct_values_to_contain_set"],
  },
  {
    ours: "distinctEquals",
    gx: ["ExpectColumnDistinctValuesToEqualSet"],
    dbt: ["column_distinct_values_to_equal_set"],
    pandera: ["Check.unique_values_eq"],
  },
  {
    ours: "mostCommon",
    gx: ["ExpectColumnMostCommonValueToBeInSet"],
    dbt: ["column_most_common_value_to_be_in_set"],
    deequ: ["hasHistogramValues"],
  },
  {
    ours: "between",
    gx: ["ExpectColumnValuesToBeBetween"],
    dbt: ["column_values_to_be_between"],
    pandera: ["Check.in_range", "Check.gt", "Check.ge", "Check.lt", "Check.le"],
    deequ: ["isNonNegative", "isPositive", "isContainedIn (with bounds)"],
    tfdv: ["INT_TYPE_SMALL_INT", "INT_TYPE_BIG_INT", "FLOAT_TYPE_SMALL_FLOAT", "FLOAT_TYPE_BIG_FLOAT"],
  },
  {
    ours: "increasing",
    gx: ["ExpectColumnValuesToBeIncreasing"],
    dbt: ["column_values_to_be_increasing"],
  },
  {
    ours: "decreasing",
    gx: ["ExpectColumnValuesToBeDecreasing"],
    dbt: ["column_values_to_be_decreasing"],
  },
  {
    ours: "zScores",
    gx: ["ExpectColumnValueZScoresToBeLessThan"],
    dbt: ["column_values_to_be_within_n_stdevs"],
  },
  {
    ours: "lengths",
    gx: ["ExpectColumnValueLengthsToBeBetween", "ExpectColumnValueLengthsToEqual"],
    dbt: ["column_value_lengths_to_be_between", "column_value_lengths_to_equal"],
    pandera: ["Check.str_length"],
    deequ: ["hasMinLength", "hasMaxLength"],
  },
  {
    ours: "matches",
    gx: ["ExpectColumnValuesToMatchRegex", "ExpectColumnValuesToMatchRegexList"],
    dbt: ["column_values_to_match_regex", "column_values_to_match_regex_list"],
    pandera: ["Check.str_matches", "Check.str_contains"],
    deequ: ["hasPattern", "containsEmail", "containsURL"],
  },
  {
    ours: "notMatches",
    gx: ["ExpectColumnValuesToNotMatchRegex", "ExpectColumnValuesToNotMatchRegexList"],
    dbt: ["column_values_to_not_match_regex", "column_values_to_not_match_regex_list"],
  },
  {
    ours: "like",
    gx: ["ExpectColumnValuesToMatchLikePattern", "ExpectColumnValuesToMatchLikePatternList"],
    dbt: ["column_values_to_match_like_pattern", "column_values_to_match_like_pattern_list"],
    pandera: ["Check.str_startswith", "Check.str_endswith"],
  },
  {
    ours: "notLike",
    gx: ["ExpectColumnValuesToNotMatchLikePattern", "ExpectColumnValuesToNotMatchLikePatternList"],
    dbt: ["column_values_to_not_match_like_pattern", "column_values_to_not_match_like_pattern_list"],
  },
  { ours: "dateFormat", gx: ["ExpectColumnValuesToMatchStrftimeFormat"] },
  { ours: "readableDate", gx: ["ExpectColumnValuesToBeDateutilParseable"] },
  { ours: "validJson", gx: ["ExpectColumnValuesToBeJsonParseable"] },
  { ours: "matchesJson", gx: ["ExpectColumnValuesToMatchJsonSchema"] },
  { ours: "minimum", gx: ["ExpectColumnMinToBeBetween"], dbt: ["column_min_to_be_between"], deequ: ["hasMin"] },
  { ours: "maximum", gx: ["ExpectColumnMaxToBeBetween"], dbt: ["column_max_to_be_between"], deequ: ["hasMax"] },
  { ours: "mean", gx: ["ExpectColumnMeanToBeBetween"], dbt: ["column_mean_to_be_between"], deequ: ["hasMean"] },
  { ours: "median", gx: ["ExpectColumnMedianToBeBetween"], dbt: ["column_median_to_be_between"] },
  { ours: "sum", gx: ["ExpectColumnSumToBeBetween"], dbt: ["column_sum_to_be_between"], deequ: ["hasSum"] },
  {
    ours: "standardDeviation",
    gx: ["ExpectColumnStdevToBeBetween"],
    dbt: ["column_stdev_to_be_between"],
    deequ: ["hasStandardDeviation"],
  },
  {
    ours: "quantiles",
    gx: ["ExpectColumnQuantileValuesToBeBetween"],
    dbt: ["column_quantile_values_to_be_between"],
    deequ: ["hasExactQuantile", "hasApproxQuantile"],
  },
  { ours: "measure", dbt: ["table_aggregation_to_equal_other_table"], deequ: ["customSql"] },
  {
    ours: "klDivergence",
    gx: ["ExpectColumnKLDivergenceToBeLessThan"],
    tfdv: ["COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "COMPARATOR_L_INFTY_HIGH"],
  },
  { ours: "chiSquare", gx: ["ExpectColumnChisquareTestPValueToBeGreaterThan"] },
  { ours: "follows", gx: ["ExpectColumnParameterizedDistributionKsTestPValueToBeGreaterThan"] },
  { ours: "followsBins", gx: ["ExpectColumnBootstrappedKsTestPValueToBeGreaterThan"] },
  {
    ours: "association",
    gx: ["ExpectColumnPairCramersPhiValueToBeLessThan"],
    deequ: ["hasMutualInformation", "hasCorrelation"],
  },
  {
    ours: "equalColumns",
    gx: ["ExpectColumnPairValuesToBeEqual"],
    dbt: ["column_pair_values_to_be_equal"],
  },
  {
    ours: "greaterThan",
    gx: ["ExpectColumnPairValuesAToBeGreaterThanB"],
    dbt: ["column_pair_values_A_to_be_greater_than_B"],
    deequ: ["isGreaterThan", "isGreaterThanOrEqualTo", "isLessThan", "isLessThanOrEqualTo"],
  },
  { ours: "pairIn", gx: ["ExpectColumnPairValuesToBeInSet"], dbt: ["column_pair_values_to_be_in_set"] },
  { ours: "sumOfColumns", gx: ["ExpectMulticolumnSumToEqual"], dbt: ["multicolumn_sum_to_equal"] },
  {
    ours: "differentColumns",
    gx: ["ExpectSelectColumnValuesToBeUniqueWithinRecord", "ExpectMulticolumnValuesToBeUnique"],
    dbt: ["select_column_values_to_be_unique_within_record"],
  },
  {
    ours: "satisfies",
    dbt: ["expression_is_true"],
    pandera: ["Check(fn)"],
    deequ: ["satisfies"],
  },
  { ours: "references", dbt: ["relationships"], deequ: ["ReferentialIntegrity"] },
  { ours: "noRows", gx: ["UnexpectedRowsExpectation"], dbt: ["a singular test"], deequ: ["customSql"] },
  {
    ours: "sameResult",
    gx: ["ExpectQueryResultsToMatchComparison"],
    dbt: ["table_aggregation_to_equal_other_table"],
    deequ: ["DataSynchronization"],
  },
  { ours: "custom", dbt: ["a generic test"], pandera: ["a registered check"] },
  {
    ours: "usual",
    dbt: ["column_values_to_be_within_n_moving_stdevs"],
    deequ: ["isNewestPointNonAnomalous"],
  },
  { ours: "freshness", dbt: ["row_values_to_have_recent_data"], deequ: ["DataFreshness"] },
];
