// Starts every stage of the page. Errors are shown where the net would be, not only in the console.

function start() {
  const hosts = [...document.querySelectorAll("[data-net], [data-gallery]")];
  try {
    if (hosts.length) play(hosts);
  } catch (error) {
    const words = `This browser cannot run the net: ${error.message}`;
    hosts.forEach(host => host.replaceChildren(html("p", {class: "warning", role: "alert", text: words})));
    console.error(error);
  }
  offerTables(document);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

/** Sets up a stage for every net, or the gallery, and takes over what the address says. */
function play(hosts) {
  const model = JSON.parse(document.getElementById("model").textContent);
  const tasks = model.tasks.map(task => new Task(task));
  const address = new Address(),
    stages = document.querySelectorAll("[data-net]");
  for (const host of hosts) {
    const net = model.nets[Number(host.dataset.net)];
    address.add(
      net
        ? new Stage(host, net, tasks[net.task], address, stages.length > 1)
        : new Gallery(host, model, tasks, address),
    );
  }
  if (address.read()) address.stages[0].host.scrollIntoView();
}

start();
