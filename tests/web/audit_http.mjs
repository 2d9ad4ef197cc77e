// Runs npm graphql-http's server audits against a served hub and prints the outcomes as JSON.
// node audit_http.mjs FOLDER URL TOKEN: FOLDER holds node_modules/graphql-http.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , folder, url, token] = process.argv;
const { auditServer } = createRequire(pathToFileURL(`${folder}/`))("graphql-http");
const fetchFn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

const results = await auditServer({ url, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status }) => ({ id, name, status }))));
