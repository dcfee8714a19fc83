// Before a Node.js app: what a network namespace of its own, the VPC's resolver and its security groups do on AWS. The rest of
// the machine is left alone: there is no other place for it without privileges.
const { readFileSync } = require("node:fs");
const dns = require("node:dns");
const net = require("node:net");

/** `hosts` are names of this task alone; `reachFile` says by port who may connect: "everybody", or networks. */
module.exports = function ownNetwork({ address, loopback, dnsPort, hosts, reachFile }) {
    // Connections within the system come from the task's address.
    const { TCP } = process.binding("tcp_wrap");
    const connect = TCP.prototype.connect;
    TCP.prototype.connect = function (request, to, port) {
        if (/^127\./.test(to) && to !== loopback) {
            this.bind(address, 0);
        }
        return connect.call(this, request, to, port);
    };

    // Names of the system are known.
    const resolver = new dns.Resolver({ timeout: 2_000, tries: 2 });
    resolver.setServers([`127.0.0.1:${dnsPort}`]);
    const lookup = dns.lookup;
    dns.lookup = function (name, options, callback) {
        const done = typeof options === "function" ? options : callback;
        const all = typeof options === "object" && options !== null && options.all === true;
        const found = (to) => (all ? done(null, [{ address: to, family: 4 }]) : done(null, to, 4));
        if (net.isIP(name) !== 0 || name === "localhost") {
            return lookup.call(dns, name, options, callback);
        }
        if (Object.hasOwn(hosts, name)) {
            return process.nextTick(found, hosts[name]);
        }
        resolver.resolve4(name, (error, [to] = []) =>
            error || to === undefined ? lookup.call(dns, name, options, callback) : found(to),
        );
    };

    dns.promises.lookup = (name, options = {}) =>
        new Promise((resolve, reject) => {
            dns.lookup(name, options, (error, found, family) =>
                error ? reject(error) : resolve(options.all === true ? found : { address: found, family }),
            );
        });

    // Who may not connect is cut off.
    const mayConnect = (port, from) => {
        if (from === address) {
            return true; // from within the task: a health check
        }
        const sources = JSON.parse(readFileSync(reachFile, "utf8"))[port];
        if (sources === undefined || sources === "everybody") {
            return true;
        }
        const list = new net.BlockList();
        sources.forEach((source) => {
            const [network, bits] = source.split("/");
            list.addSubnet(network, Number(bits), "ipv4");
        });
        return list.check(from, "ipv4");
    };
    const emit = net.Server.prototype.emit;
    net.Server.prototype.emit = function (event, ...args) {
        const [socket] = args;
        if (
            event === "connection" &&
            socket instanceof net.Socket &&
            socket.localAddress === address &&
            !mayConnect(socket.localPort, socket.remoteAddress)
        ) {
            socket.resetAndDestroy();
            return true;
        }
        return emit.call(this, event, ...args);
    };
};
