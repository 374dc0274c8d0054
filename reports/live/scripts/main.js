// Starts every stage of the page. Errors are shown where the net would be, not only in the console.

function start() {
  const source = document.getElementById("model");
  const address = new Address();
  if (source) {
    const model = JSON.parse(source.textContent), tasks = model.tasks.map(task => new Task(task));
    const hosts = document.querySelectorAll("[data-net]");
    hosts.forEach(host => {
      const net = model.nets[Number(host.dataset.net)];
      const stage = new Stage(host, net, tasks[net.task], address, hosts.length > 1);
      address.add(stage);
    });
    document.querySelectorAll("[data-gallery]").forEach(host => address.add(new Gallery(host, model, tasks, address)));
    if (address.read() && address.stages.length) address.stages[0].host.scrollIntoView();
  }
  offerTables(document);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start();
