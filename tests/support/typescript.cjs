// Tests are loaded as Pulumi programs are: compiled by TypeScript, kept, and told of by their own lines.
require("../../tools/program.cjs");

process.setSourceMapsEnabled(true);
