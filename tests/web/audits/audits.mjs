// Runs npm graphql-http's server audits against a served hub and prints the outcomes as JSON.
// node audits.mjs URL TOKEN
import { auditServer } from "graphql-http";

const [, , url, token] = process.argv;
const fetchFn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

const results = await auditServer({ url, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status }) => ({ id, name, status }))));
