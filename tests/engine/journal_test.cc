// SPDX-License-Identifier: Apache-2.0
#include "engine/journal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/journal_reader.h"
#include "io/writers/ndjson_writer.h"
#include "tests/testing/memory_journal.h"
#include "tests/testing/sample_record.h"

namespace osprey::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MemoryJournal;
using testing::SampleRecord;

Checkpoint SampleCheckpoint() {
  return {.scan_id = "5f1c0a9b",
          .seed = 0xFFFF'FFFF'FFFF'FFFF,
          .options_digest = "0123",
          .targets_digest = "4567",
          .low_water = 12,
          .synced_bytes = 345,
          .records = 6,
          .start_epoch_s = 1'700'000'000,
          .arguments = "osprey scan \"quoted\""};
}

Checkpoint EmptyCheckpoint() {
  Checkpoint checkpoint;
  checkpoint.scan_id = SampleRecord().key.scan;
  return checkpoint;
}

std::vector<uint64_t> ResumedIndexes(JournalFile& file) {
  std::vector<uint64_t> indexes;
  const auto text = file.LoadCheckpoint();
  EXPECT_TRUE(text.ok()) << text.status();
  const auto checkpoint = ParseCheckpoint(*text);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  const absl::Status status = Journal::Resume(
      file, *checkpoint, [&](const io::RecordKey& key) { indexes.push_back(key.index); });
  EXPECT_TRUE(status.ok()) << status;
  return indexes;
}

TEST(Checkpoint, ReadsBackTheSame) {
  const auto back = ParseCheckpoint(RenderCheckpoint(SampleCheckpoint()));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, SampleCheckpoint());
}

TEST(Checkpoint, NamesWhatIsWrong) {
  std::string text = RenderCheckpoint(SampleCheckpoint());
  EXPECT_EQ(ParseCheckpoint("{}").status().message(),
            "not a checkpoint: \"checkpoint\" is missing or of the wrong kind");
  EXPECT_EQ(ParseCheckpoint("").status().message(), "not a checkpoint: not a JSON object");
  EXPECT_FALSE(ParseCheckpoint(std::string(1'000'000, '[')).ok());
  text.replace(text.find("\"checkpoint\":1"), 14, "\"checkpoint\":2");
  EXPECT_EQ(ParseCheckpoint(text).status().message(),
            "checkpoint of version 2; this program reads 1");
}

TEST(Journal, AKillLosesNothingThatWasSynced) {
  MemoryJournal file;
  Journal journal(file);
  ASSERT_TRUE(journal.Append(SampleRecord(1)).ok());
  ASSERT_TRUE(journal.Append(SampleRecord(2)).ok());
  ASSERT_TRUE(journal.Sync().ok());
  ASSERT_TRUE(journal.SaveCheckpoint(SampleCheckpoint()).ok());
  ASSERT_TRUE(journal.Append(SampleRecord(3)).ok());
  file.Kill();
  EXPECT_THAT(ResumedIndexes(file), ElementsAre(1, 2));
}

TEST(Journal, ResumeCutsWhatTheCheckpointDoesNotKnow) {
  MemoryJournal file;
  Journal journal(file);
  ASSERT_TRUE(journal.Append(SampleRecord(1)).ok());
  const auto synced = journal.Sync();
  ASSERT_TRUE(synced.ok());
  ASSERT_TRUE(journal.SaveCheckpoint(SampleCheckpoint()).ok());
  ASSERT_TRUE(journal.Append(SampleRecord(2)).ok());
  ASSERT_TRUE(journal.Sync().ok());  // durable, but no checkpoint speaks of it
  file.Kill();
  EXPECT_THAT(ResumedIndexes(file), ElementsAre(1));
  EXPECT_EQ(file.length(), *synced);
}

// Kill at random moments, with random torn tails, resume, go on: in the end every index is in the
// file exactly once.
TEST(Journal, EachRecordIsThereExactlyOnceAfterAnyNumberOfKills) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  constexpr uint64_t kTargets = 400;
  MemoryJournal file;
  ASSERT_TRUE(file.SaveCheckpoint(RenderCheckpoint(EmptyCheckpoint())).ok());
  int kills = 0;
  for (bool complete = false; !complete;) {
    std::set<uint64_t> done;
    for (const uint64_t index : ResumedIndexes(file)) EXPECT_TRUE(done.insert(index).second);
    Journal journal(file, done.size());
    complete = true;
    for (uint64_t index = 0; index < kTargets && complete; ++index) {
      if (done.contains(index)) continue;
      ASSERT_TRUE(journal.Append(SampleRecord(index, 0)).ok());
      if (random() % 8 == 0) {
        ASSERT_TRUE(journal.Sync().ok());
      }
      if (random() % 16 == 0) {
        ASSERT_TRUE(journal.SaveCheckpoint(EmptyCheckpoint()).ok());
      }
      if (random() % 100 == 0) {
        file.Kill(random() % 5000);
        ++kills;
        complete = false;
      }
    }
    if (complete) {
      ASSERT_TRUE(journal.Finish().ok());
      EXPECT_EQ(journal.records(), kTargets);
    }
  }
  RecordProperty("kills", kills);
  std::multiset<uint64_t> written;
  const auto counts = ForEachLatest(file, [&](const io::Record& record) {
    written.insert(record.key.index);
    return absl::OkStatus();
  });
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->lines, kTargets);
  EXPECT_EQ(counts->superseded, 0u);
  EXPECT_EQ(written.size(), kTargets);
  EXPECT_EQ(file.LoadCheckpoint().status().code(), absl::StatusCode::kNotFound);
}

TEST(Journal, AFullDiskIsReportedAndNothingFollowsTheHole) {
  MemoryJournal file;
  Journal journal(file);
  ASSERT_TRUE(journal.Append(SampleRecord(1)).ok());
  ASSERT_TRUE(journal.Sync().ok());
  ASSERT_TRUE(journal.SaveCheckpoint(SampleCheckpoint()).ok());
  file.SetCapacity(file.length() + 10);
  EXPECT_EQ(journal.Append(SampleRecord(2)).message(), "memory: cannot write: full");
  file.SetCapacity(1 << 20);
  EXPECT_FALSE(journal.Append(SampleRecord(3)).ok());
  EXPECT_FALSE(journal.Sync().ok());
  file.Kill(5);
  EXPECT_THAT(ResumedIndexes(file), ElementsAre(1));
}

TEST(Journal, ResumeRefusesAJournalThatDoesNotFitItsCheckpoint) {
  MemoryJournal file;
  Journal journal(file);
  ASSERT_TRUE(journal.Append(SampleRecord(1)).ok());
  ASSERT_TRUE(journal.Sync().ok());
  Checkpoint checkpoint = SampleCheckpoint();
  const auto resume = [&] {
    return std::string(Journal::Resume(file, checkpoint, [](const io::RecordKey&) {}).message());
  };
  checkpoint.synced_bytes = file.length() + 1;
  EXPECT_THAT(resume(), HasSubstr("but its checkpoint was saved at"));
  checkpoint.synced_bytes = file.length() - 1;
  EXPECT_THAT(resume(), HasSubstr("no line ends at byte"));
  checkpoint.synced_bytes = file.length();
  checkpoint.scan_id = "other";
  EXPECT_EQ(resume(), "memory:1: record of scan 5f1c0a9b in the journal of other");
  ASSERT_TRUE(file.Append("{\"noise\":1}\n").ok());
  checkpoint = SampleCheckpoint();
  checkpoint.synced_bytes = file.length();
  EXPECT_THAT(resume(), HasSubstr("memory:2: no record"));
}

TEST(JournalReader, TheHighestRevisionWins) {
  MemoryJournal file;
  Journal journal(file);
  for (const auto& [index, revision] : {std::pair{1, 0}, {2, 0}, {1, 2}, {1, 1}, {2, 0}}) {
    ASSERT_TRUE(
        journal.Append(SampleRecord(static_cast<uint64_t>(index), static_cast<uint32_t>(revision)))
            .ok());
  }
  ASSERT_TRUE(file.Append("noise\n{\"torn").ok());
  std::vector<std::pair<uint64_t, uint32_t>> seen;
  const auto counts = ForEachLatest(file, [&](const io::Record& record) {
    seen.emplace_back(record.key.index, record.key.revision);
    return absl::OkStatus();
  });
  ASSERT_TRUE(counts.ok());
  EXPECT_THAT(seen, ElementsAre(std::pair{2, 0}, std::pair{1, 2}));
  EXPECT_EQ(counts->lines, 6u);
  EXPECT_EQ(counts->superseded, 3u);
  EXPECT_EQ(counts->malformed, 1u);
}

TEST(JournalReader, ReadsLinesOfAnyLengthUpToTheLimit) {
  MemoryJournal file;
  const std::vector<size_t> sizes = {0, 1, 1'048'575, 1'048'576, 3'000'000, 7};
  for (const size_t size : sizes) {
    ASSERT_TRUE(file.Append(std::string(size, 'x') + "\n").ok());
  }
  std::vector<size_t> seen;
  uint64_t next = 0;
  ASSERT_TRUE(ForEachLine(file, file.length(), [&](const JournalLine& line) {
                EXPECT_EQ(line.offset, next);
                next += line.text.size() + 1;
                seen.push_back(line.text.size());
                EXPECT_EQ(line.number, seen.size());
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(seen, sizes);
}

TEST(JournalReader, AnEndlessLineIsAnError) {
  MemoryJournal file;
  ASSERT_TRUE(file.Append(std::string(kMaxJournalLineBytes + 1, 'x')).ok());
  const absl::Status status =
      ForEachLine(file, file.length(), [](const JournalLine&) { return absl::OkStatus(); });
  EXPECT_THAT(std::string(status.message()), HasSubstr("memory:1: longer than"));
}

class PosixJournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "osprey_journal_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/out.ndjson";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST_F(PosixJournalTest, AScanIsInterruptedAndContinued) {
  {
    auto file = PosixJournalFile::Create(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    Journal journal(**file);
    ASSERT_TRUE(journal.Append(SampleRecord(1)).ok());
    ASSERT_TRUE(journal.Sync().ok());
    ASSERT_TRUE(journal.SaveCheckpoint(SampleCheckpoint()).ok());
    ASSERT_TRUE(journal.Append(SampleRecord(2)).ok());
  }
  std::ofstream(path_, std::ios::app) << "{\"torn";
  auto file = PosixJournalFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(ResumedIndexes(**file), ElementsAre(1));
  Journal journal(**file, 1);
  ASSERT_TRUE(journal.Append(SampleRecord(3)).ok());
  ASSERT_TRUE(journal.Finish().ok());
  std::vector<uint64_t> indexes;
  ASSERT_TRUE(ForEachLatest(**file, [&](const io::Record& record) {
                indexes.push_back(record.key.index);
                return absl::OkStatus();
              }).ok());
  EXPECT_THAT(indexes, ElementsAre(1, 3));
  EXPECT_FALSE(std::filesystem::exists(PosixJournalFile::CheckpointPath(path_)));
}

TEST_F(PosixJournalTest, AnUnfinishedScanIsNotOverwritten) {
  {
    auto file = PosixJournalFile::Create(path_);
    ASSERT_TRUE(file.ok());
    Journal journal(**file);
    ASSERT_TRUE(journal.SaveCheckpoint(SampleCheckpoint()).ok());
  }
  const auto again = PosixJournalFile::Create(path_);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("continue it with --resume"));
}

TEST_F(PosixJournalTest, AFinishedFileIsReplaced) {
  std::ofstream(path_) << "old\n";
  const auto file = PosixJournalFile::Create(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->length(), 0u);
}

TEST_F(PosixJournalTest, TwoScansCannotShareAFile) {
  const auto first = PosixJournalFile::Create(path_);
  ASSERT_TRUE(first.ok());
  EXPECT_THAT(std::string(PosixJournalFile::Open(path_).status().message()),
              HasSubstr("in use by another scan"));
}

TEST_F(PosixJournalTest, PipesAndDevicesAreNoJournals) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(PosixJournalFile::Create(path_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(PosixJournalFile::Create("/dev/full").status().message(),
            "/dev/full: not a regular file");
}

TEST_F(PosixJournalTest, MissingFilesAndFoldersAreNamed) {
  EXPECT_EQ(PosixJournalFile::Open(path_).status().code(), absl::StatusCode::kNotFound);
  const auto file = PosixJournalFile::Create(folder_ + "/no/out.ndjson");
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("/no/out.ndjson: cannot open"));
}

}  // namespace
}  // namespace osprey::engine
