//===- StagesTest.cpp - the table of stages -------------------------------------------------------------===//

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipeline.h"
#include <gtest/gtest.h>

namespace gemmac {
namespace {

TEST(Stages, HaveTheNamesThatUsersStopAt) {
  std::vector<std::string> names;
  for (const Stage &stage : stages())
    names.push_back(stage.name.str());
  EXPECT_EQ(names, (std::vector<std::string>{"fuse", "schedule", "experts", "quantize", "select", "plan"}));
}

TEST(Stages, EachAddsPassesToThoseBefore) {
  mlir::MLIRContext context;
  size_t before = 0;
  for (const Stage &stage : stages()) {
    mlir::PassManager manager(&context);
    ASSERT_TRUE(addStagesThrough(manager, PipelineOptions(), stage.name));
    EXPECT_GT(manager.size(), before) << stage.name.str();
    before = manager.size();
  }
}

TEST(Stages, AnUnknownNameAddsNothing) {
  mlir::MLIRContext context;
  mlir::PassManager manager(&context);
  EXPECT_FALSE(addStagesThrough(manager, PipelineOptions(), "lunch"));
  EXPECT_EQ(manager.size(), 0u);
}

} // namespace
} // namespace gemmac
