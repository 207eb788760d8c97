export { BertForSequenceClassification, BertModel } from "./bert.js";
export { DistilBertForSequenceClassification, DistilBertModel } from "./distilBert.js";
