"""What is asked of a running UI, by the tests that search all that it shows."""

EVERYTHING = """
query {
  runsOrError { ... on Runs { results { runConfigYaml tags { key value } eventConnection(limit: 1000) { events {
    __typename
    ... on MessageEvent { message }
    ... on MaterializationEvent { description metadataEntries { ...entry } }
    ... on AssetCheckEvaluationEvent { evaluation { checkName description metadataEntries { ...entry } } }
    ... on ExecutionStepFailureEvent {
      error { message stack causes { message stack } } failureMetadata { metadataEntries { ...entry } }
    }
  } } } } }
}
fragment entry on MetadataEntry {
  label description ... on TextMetadataEntry { text } ... on JsonMetadataEntry { jsonString }
  ... on MarkdownMetadataEntry { mdStr } ... on PathMetadataEntry { path } ... on UrlMetadataEntry { url }
  ... on TableMetadataEntry { table { records } }
  ... on IntMetadataEntry { intRepr } ... on FloatMetadataEntry { floatRepr }
}"""
"""What the pages of the UI show of all runs: messages, metadata, checks and errors."""
