// Mocha's "spec", and a last line that a machine can read.
const { reporters, Runner } = require("mocha");

module.exports = class extends reporters.Spec {
    constructor(runner, options) {
        super(runner, options);
        runner.once(Runner.constants.EVENT_RUN_END, () => {
            const { passes, failures, pending } = this.stats;
            setImmediate(() => console.log(`${passes} passed, ${failures} failed, ${pending} skipped`));
        });
    }
};
