// Before a Node.js app of one's own: what would listen on every address listens on its task's alone, so that the tasks
// of one machine do not meet.
const { Server } = require("node:net");

const listen = Server.prototype.listen;
Server.prototype.listen = function (...given) {
    const everywhere = (host) =>
        host === undefined || host === "0.0.0.0" || host === "::" || host === "localhost" || host === "127.0.0.1";
    const { HOST } = process.env;
    const [first, second] = given;
    if (
        HOST !== undefined &&
        first !== null &&
        typeof first === "object" &&
        first.port !== undefined &&
        everywhere(first.host)
    ) {
        given[0] = { ...first, host: HOST };
    } else if (HOST !== undefined && (typeof first === "number" || /^\d+$/.test(first))) {
        if (typeof second === "string") {
            given[1] = everywhere(second) ? HOST : second;
        } else {
            given.splice(1, 0, HOST);
        }
    }
    return listen.apply(this, given);
};
