#include "cpu/thread_pool.h"

#include <vector>

#include "test_main.h"

using nabla::CpuThreadPool;

// Every task runs exactly once, for more and fewer tasks than threads, busy or asleep.
NABLA_TEST(every_task_runs_once) {
  for (int threads : {1, 2, 3, 5}) {
    CpuThreadPool pool(threads, false);
    CHECK(pool.threads() == threads);
    for (bool active : {true, false}) {
      pool.set_active(active);
      for (int64_t tasks : {0, 1, 2, 3, 7, 64, 1000}) {
        for (int round = 0; round < 20; ++round) {
          std::vector<int> runs(static_cast<size_t>(tasks), 0);
          nabla::parallel_for(pool, tasks, [&](int64_t task) { ++runs[static_cast<size_t>(task)]; });
          bool once = true;
          for (int r : runs) once = once && r == 1;
          CHECK(once);
        }
      }
    }
  }
}

NABLA_TEST(ranges_cover_everything) {
  CpuThreadPool pool(3, false);
  for (int64_t n : {0, 1, 9, 10, 11, 101}) {
    std::vector<int> runs(static_cast<size_t>(n), 0);
    nabla::parallel_ranges(pool, n, 10, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++runs[static_cast<size_t>(i)];
    });
    bool once = true;
    for (int r : runs) once = once && r == 1;
    CHECK(once);
  }
}

// What tasks wrote is visible to the executor, and what the executor writes between runs to the next tasks.
NABLA_TEST(runs_follow_each_other) {
  CpuThreadPool pool(4, true);
  pool.pin_current_thread(0);
  pool.set_active(true);
  std::vector<int64_t> a(100, 1), b(100, 0);
  for (int round = 0; round < 2000; ++round) {
    nabla::parallel_for(pool, 100, [&](int64_t i) { b[static_cast<size_t>(i)] = a[static_cast<size_t>(99 - i)] + 1; });
    a.swap(b);
  }
  bool all = true;
  for (int64_t x : a) all = all && x == 2001;
  CHECK(all);
}

NABLA_TEST(pools_come_and_go) {
  for (int round = 0; round < 50; ++round) {
    CpuThreadPool pool(1 + round % 4, round % 2 == 0);
    pool.set_active(round % 3 == 0);
    int64_t sum[8] = {};
    if (round % 5) nabla::parallel_for(pool, 8, [&](int64_t i) { sum[i] = i; });
    CHECK(sum[7] == (round % 5 ? 7 : 0));
  }
}

// All tasks once, and for each thread neighbours in their order; after the last one of a share comes its first one.
NABLA_TEST(task_order) {
  for (int64_t threads : {1, 2, 3, 7}) {
    for (int64_t tasks : {1, 2, 3, 6, 7, 8, 64, 101}) {
      const nabla::TaskOrder order = {tasks, threads};
      std::vector<int> draws(static_cast<size_t>(tasks), 0);
      for (int64_t draw = 0; draw < tasks; ++draw) {
        const int64_t task = order.at(draw);
        CHECK(task >= 0 && task < tasks);
        ++draws[static_cast<size_t>(task)];
        const bool last = draw + threads >= tasks;
        if (!last) CHECK(order.at(draw + threads) == task + 1);
        CHECK(order.next(task) == (last ? order.at(draw % threads) : task + 1));
      }
      for (int count : draws) CHECK(count == 1);
    }
  }
}

NABLA_TEST(isa_names) {
  nabla::Isa isa = nabla::Isa::scalar;
  for (int i = 0; i < nabla::kIsaCount; ++i) {
    const nabla::Isa each = static_cast<nabla::Isa>(i);
    CHECK(nabla::parse_isa(nabla::isa_name(each), &isa) && isa == each);
  }
  CHECK(!nabla::parse_isa("avx1024", &isa));
  CHECK(nabla::has_isa(nabla::Isa::scalar) && nabla::has_isa(nabla::detect_isa()));
  CHECK(!nabla::has_isa(nabla::Isa::neon) || !nabla::has_isa(nabla::Isa::avx2));
}

NABLA_TEST_MAIN
